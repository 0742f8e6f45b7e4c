-- What follows is the same for every protocol: it reads datagrams by the table `model` above. One pass, forwards, no
-- state between packets. Whatever the bytes are, reading ends with a field or with an expert info at the byte that is
-- wrong; `fail` throws to the one `pcall` of a datagram. Slices are shown, not put together; MACs are not checked. What is
-- deeper than MAX_SHOWN_DEPTH, or behind MAX_SHOWN fields of a datagram, is read but not shown: Wireshark has limits.

local MAX_SHOWN = 50000
local MAX_SHOWN_DEPTH = 200
-- Elements without bytes that are read one by one; a spec may allow millions of them.
local MAX_EMPTY = 64

local proto = Proto(model.abbr, model.title)
local fields = {}
local experts = {
  malformed = ProtoExpert.new(model.abbr .. ".malformed", "Not what the protocol says", expert.group.MALFORMED, expert.severity.ERROR),
  internal = ProtoExpert.new(model.abbr .. ".internal", "A mistake of the dissector", expert.group.DEBUG, expert.severity.ERROR),
}
proto.experts = { experts.malformed, experts.internal }
local json = Dissector.get("json")

local function field(make, ...)
  local made = make(...)
  fields[#fields + 1] = made
  return made
end

-- ## Fields of Wireshark

local scalars = {
  u8 = ProtoField.uint8, u16 = ProtoField.uint16, u24 = ProtoField.uint24, u32 = ProtoField.uint32, u64 = ProtoField.uint64,
  i8 = ProtoField.int8, i16 = ProtoField.int16, i32 = ProtoField.int32, i64 = ProtoField.int64,
  f16 = ProtoField.float, f32 = ProtoField.float, f64 = ProtoField.double, varint = ProtoField.uint64, svarint = ProtoField.int64,
  string = ProtoField.string, bytes = ProtoField.bytes,
}

-- Gives a type its field, and the types inside it theirs.
local function declare(type, abbr, name, doc)
  local kind = type.kind
  if kind == "enum" then
    type.field = field(ProtoField.uint32, abbr, name, base.DEC, model.enums[type.name], nil, doc)
  elseif kind == "bool" then
    type.field = field(ProtoField.bool, abbr, name, base.NONE, nil, nil, doc)
  elseif kind == "quantised" then
    local make = ProtoField.double
    if type.integer and type.min >= 0 and type.max < 4294967296 then make = ProtoField.uint32
    elseif type.integer and type.min >= -2147483648 and type.max < 2147483648 then make = ProtoField.int32 end
    type.field = make == ProtoField.double and field(make, abbr, name, base.NONE, nil, nil, doc)
      or field(make, abbr, name, base.DEC, nil, nil, doc)
  elseif kind == "list" then
    type.field = field(ProtoField.none, abbr, name, base.NONE, nil, nil, doc)
    type.count = field(ProtoField.uint32, abbr .. ".count", name .. " count", base.DEC)
    declare(type.of, abbr .. ".item", name .. " item", doc)
  elseif kind == "array" then
    type.field = field(ProtoField.none, abbr, name, base.NONE, nil, nil, doc)
    declare(type.of, abbr .. ".item", name .. " item", doc)
  elseif kind == "map" then
    type.field = field(ProtoField.none, abbr, name, base.NONE, nil, nil, doc)
    type.count = field(ProtoField.uint32, abbr .. ".count", name .. " count", base.DEC)
    type.entry = field(ProtoField.none, abbr .. ".entry", name .. " entry")
    declare(type.key, abbr .. ".key", name .. " key", doc)
    declare(type.value, abbr .. ".value", name .. " value", doc)
  elseif kind == "struct" or kind == "union" then
    type.field = field(ProtoField.none, abbr, name, base.NONE, nil, nil, doc)
  elseif kind == "string" or kind == "bytes" then
    type.field = field(scalars[kind], abbr, name, base.NONE, doc)
  elseif kind == "f16" or kind == "f32" or kind == "f64" then
    type.field = field(scalars[kind], abbr, name, base.NONE, nil, nil, doc)
  else
    type.field = field(scalars[kind], abbr, name, base.DEC, nil, nil, doc)
  end
end

local function declareMembers(members)
  for _, member in ipairs(members) do
    declare(member.type, member.abbr, member.title, member.doc)
    if member.presence then
      member.present = field(ProtoField.bool, member.abbr .. ".present", member.title .. " is present")
    end
  end
end
for _, struct in pairs(model.structs) do
  declareMembers(struct.members)
  for _, group in ipairs(struct.groups or {}) do declareMembers(group.members) end
end
for _, union in pairs(model.unions) do
  for _, variant in pairs(union.variants) do
    declare(variant.type, variant.abbr, variant.title, variant.doc)
  end
end

local function declareItem(item)
  local bit = 0
  for _, f in ipairs(item.fields) do
    if f.bits then
      local first = bit % 8
      if first + f.bits <= 8 then
        -- In one byte: with a mask, Wireshark draws the bits.
        local mask = (2 ^ f.bits - 1) * 2 ^ (8 - first - f.bits)
        f.mask = true
        if f.bits == 1 then f.field = field(ProtoField.bool, f.abbr, f.title, 8, nil, mask, f.doc)
        else f.field = field(ProtoField.uint8, f.abbr, f.title, base.DEC, nil, mask, f.doc) end
      else
        f.field = field(ProtoField.uint32, f.abbr, f.title, base.DEC, nil, nil, f.doc)
      end
      bit = bit + f.bits
    elseif f.type == "ack-ranges" then
      f.field = field(ProtoField.none, f.abbr, f.title, base.NONE, nil, nil, f.doc)
    else
      local kind = (f.type == "f32" or f.type == "f64") and base.NONE or f.role == "ack-bits" and base.HEX or base.DEC
      f.field = field(scalars[f.type], f.abbr, f.title, kind, nil, nil, f.doc)
    end
  end
end
for _, list in ipairs({ "clear", "sealed", "frame" }) do
  for _, item in ipairs(model[list]) do declareItem(item) end
end

local own = {}
for _, row in ipairs({
  { "packet_number_full", ProtoField.uint64, "packet number in full" },
  { "run", ProtoField.uint64, "acknowledged in a row" },
  { "gap", ProtoField.uint64, "missing in a row" },
  { "pairs", ProtoField.uint8, "pairs of gap and run" },
  { "frame", ProtoField.none, "frame" },
  { "channel_name", ProtoField.string, "channel" },
  { "number", ProtoField.uint32, "message number, written or not" },
  { "slice", ProtoField.bytes, "slice" },
  { "length", ProtoField.uint64, "length" },
  { "tag", ProtoField.uint64, "tag" },
  { "cid", ProtoField.string, "connection id" },
  { "msg", ProtoField.string, "zero message" },
  { "mac", ProtoField.string, "MAC" },
}) do
  own[row[1]] = field(row[2], model.abbr .. "." .. row[1], row[3])
end
proto.fields = fields

-- ## Bytes

local function fail(s, at, problem)
  error({ at = math.min(at, s.stop), path = table.concat(s.path, "."), problem = problem }, 0)
end

local function take(s, count, name)
  if count > s.stop - s.at then
    fail(s, s.at, name .. ": " .. count .. " bytes expected, " .. (s.stop - s.at) .. " left")
  end
  local at = s.at
  s.at = at + count
  return at
end

local function byteAt(s, at) return string.byte(s.raw, at + 1) end

local function unsigned(s, at, count)
  local value = 0
  for i = at, at + count - 1 do value = value * 256 + byteAt(s, i) end
  return value
end

local function bits(s, block, offset, width)
  local value = 0
  for bit = offset, offset + width - 1 do
    local byte = byteAt(s, block + math.floor(bit / 8))
    value = value * 2 + math.floor(byte / 2 ^ (7 - bit % 8)) % 2
  end
  return value
end

local function varint(s, name)
  local start = s.at
  local value = 0
  for i = 0, 7 do
    if s.at >= s.stop then fail(s, start, name .. ": a varint that is cut off") end
    local byte = byteAt(s, s.at)
    s.at = s.at + 1
    value = value + (byte % 128) * 128 ^ i
    if byte < 128 then
      if byte == 0 and i > 0 then fail(s, start, name .. ": a varint that is not in its shortest form") end
      if value > 9007199254740991 then fail(s, start, name .. ": a varint above 2^53 - 1") end
      return value, start
    end
  end
  fail(s, start, name .. ": a varint of more than 8 bytes")
end

-- Whole numbers that may be larger than Wireshark's 32 bits.
local function wide(value)
  return UInt64.new(value % 4294967296, math.floor(value / 4294967296))
end
local function wideSigned(value)
  if value >= 0 then return Int64.new(value % 4294967296, math.floor(value / 4294967296)) end
  local rest = -value - 1
  return Int64.new(4294967295 - rest % 4294967296, 4294967295 - math.floor(rest / 4294967296))
end

-- Whether one more field may be shown.
local function room(s, tree)
  if not tree then return false end
  s.shown = s.shown + 1
  if s.shown <= MAX_SHOWN then return true end
  if s.shown == MAX_SHOWN + 1 then tree:append_text(" (too many fields: the rest is not shown)") end
  return false
end

local function put(s, tree, made, at, value, unit, text)
  if not room(s, tree) then return nil end
  local range = s.tvb:range(at, s.at - at)
  local item
  if value == nil then item = tree:add(made, range) else item = tree:add(made, range, value) end
  if unit then item:append_text(" " .. unit) end
  if text then item:append_text(text) end
  return item
end

-- As `put`, for bits of a block that was read before.
local function putBits(s, tree, made, block, offset, width, value, unit, text)
  if not room(s, tree) then return end
  local first = math.floor(offset / 8)
  local range = s.tvb:range(block + first, math.ceil((offset + width) / 8) - first)
  local item = value == nil and tree:add(made, range) or tree:add(made, range, value)
  if unit then item:append_text(" " .. unit) end
  if text then item:append_text(text) end
end

-- Opens a part under a name; `close` gives it its length.
local function open(s, tree, made, text)
  if #s.path >= MAX_SHOWN_DEPTH or not room(s, tree) then return nil end
  local item = tree:add(made, s.tvb:range(s.at, 0))
  if text then item:append_text(text) end
  return item
end
local function close(s, item, at)
  if item then item:set_len(s.at - at) end
end

local function isUtf8(text)
  local i, n = 1, #text
  while i <= n do
    local a = string.byte(text, i)
    local more, least
    if a < 0x80 then more, least = 0, 0
    elseif a >= 0xc2 and a < 0xe0 then more, least, a = 1, 0x80, a - 0xc0
    elseif a >= 0xe0 and a < 0xf0 then more, least, a = 2, 0x800, a - 0xe0
    elseif a >= 0xf0 and a < 0xf5 then more, least, a = 3, 0x10000, a - 0xf0
    else return false end
    for k = 1, more do
      local b = string.byte(text, i + k)
      if not b or b < 0x80 or b > 0xbf then return false end
      a = a * 64 + b - 0x80
    end
    if a < least or a > 0x10ffff or (a >= 0xd800 and a < 0xe000) then return false end
    i = i + more + 1
  end
  return true
end

-- ## Messages

local readStruct

local function readBits(s, tree, type, block, offset, name, unit)
  local raw = bits(s, block, offset, type.bits)
  local at = block + math.floor(offset / 8)
  local text
  local value = raw
  if type.kind == "bool" then value = raw == 1
  elseif type.kind == "quantised" then
    if raw > type.steps then fail(s, at, name .. ": step " .. raw .. " of " .. type.steps) end
    if type.integer then value = type.min + raw * ((type.max - type.min) / type.steps)
    elseif raw == type.steps then value = type.max
    else value = math.min(type.max, type.min + raw / type.steps * (type.max - type.min)) end
    text = " (step " .. raw .. " of " .. type.steps .. ")"
  end
  putBits(s, tree, type.field, block, offset, type.bits, value, unit, text)
  if type.kind == "enum" and not model.enums[type.name][raw] then
    fail(s, at, name .. ": " .. raw .. " is no value of " .. type.name)
  end
end

local function padding(s, block, used, bytes)
  local width = bytes * 8 - used
  if width > 0 and bits(s, block, used, width) ~= 0 then
    fail(s, block + bytes - 1, "padding bits are not zero")
  end
end

-- A sign, 5 bits of exponent, 10 of fraction (IEEE 754 binary16); nil for infinities and NaN.
local function half(raw)
  local sign = raw >= 32768 and -1 or 1
  local exponent = math.floor(raw / 1024) % 32
  local fraction = raw % 1024
  if exponent == 31 then return nil end
  if exponent == 0 then return sign * fraction * 2 ^ -24 end
  return sign * (1024 + fraction) * 2 ^ (exponent - 25)
end

-- What lies in each other is counted from the type that bounds it.
local function enterType(s, named, name)
  local head = named.head
  if not head then return end
  local depth = s.depths[name] or 0
  if depth >= head.maxDepth then
    fail(s, s.at, "lies in " .. depth .. " of its kind, " .. head.maxDepth .. " levels are allowed")
  end
  s.depths[name] = depth + 1
end

local function leaveType(s, named, name, at)
  local head = named.head
  if not head then return end
  s.depths[name] = s.depths[name] - 1
  if head.maxBytes and s.at - at > head.maxBytes then
    fail(s, at, "takes " .. (s.at - at) .. " bytes, " .. head.maxBytes .. " are allowed")
  end
end

local readValue

-- Calls `read` with 0 to count - 1.
local function readMany(s, item, count, read)
  for i = 0, count - 1 do
    local at = s.at
    read(i)
    if s.at == at then
      s.empty = s.empty + 1
      if s.empty >= MAX_EMPTY then
        -- The others have no bytes either.
        if item and i < count - 1 then item:append_text(" (not all are shown: they have no bytes)") end
        return
      end
    end
  end
end

local function readMap(s, tree, type, name, unit)
  local at = s.at
  local item = open(s, tree, type.field)
  s.path[#s.path + 1] = name
  local count, start = varint(s, "count")
  put(s, item, type.count, start, count < 4294967296 and count or 4294967295)
  if count > type.max then fail(s, start, count .. " entries, at most " .. type.max) end
  if item then item:append_text(": " .. count .. " entries") end
  local seen = {}
  for i = 0, count - 1 do
    local entryAt = s.at
    local entry = open(s, item, type.entry, " " .. i)
    s.path[#s.path + 1] = "[#" .. i .. "]"
    readValue(s, entry, type.key, "key")
    -- A key has one encoding.
    local key = string.sub(s.raw, entryAt + 1, s.at)
    if seen[key] then fail(s, entryAt, "a key that came before") end
    seen[key] = true
    readValue(s, entry, type.value, "value", unit)
    s.path[#s.path] = nil
    close(s, entry, entryAt)
  end
  s.path[#s.path] = nil
  close(s, item, at)
end

local function readUnion(s, tree, type, name, unit)
  local union = model.unions[type.name]
  local at = s.at
  local item = open(s, tree, type.field, " (" .. type.name .. ")")
  s.path[#s.path + 1] = name
  enterType(s, union, type.name)
  local tag, tagAt = varint(s, "kind")
  local variant = union.variants[tag]
  put(s, item, own.tag, tagAt, wide(tag), nil, variant and " (" .. variant.title .. ")")
  if not variant then fail(s, tagAt, string.format("%.0f", tag) .. " is no variant of " .. type.name) end
  if item then item:append_text(": " .. variant.title) end
  readValue(s, item, variant.type, variant.title, variant.unit or unit)
  leaveType(s, union, type.name, at)
  s.path[#s.path] = nil
  close(s, item, at)
end

readValue = function(s, tree, type, name, unit)
  local kind = type.kind
  if type.bits then
    -- Alone: an element of a list, with a block of its own.
    local bytes = math.ceil(type.bits / 8)
    local block = take(s, bytes, name)
    readBits(s, tree, type, block, 0, name, unit)
    padding(s, block, type.bits, bytes)
  elseif kind == "varint" then
    local value, at = varint(s, name)
    put(s, tree, type.field, at, wide(value), unit)
  elseif kind == "svarint" then
    local raw, at = varint(s, name)
    local value = raw % 2 == 0 and raw / 2 or -(raw - 1) / 2 - 1
    put(s, tree, type.field, at, wideSigned(value), unit)
  elseif kind == "string" or kind == "bytes" then
    local length, start = varint(s, name)
    if length > type.max then fail(s, start, name .. ": " .. length .. " bytes, at most " .. type.max) end
    put(s, tree, own.length, start, wide(length))
    local at = take(s, length, name)
    local text = string.sub(s.raw, at + 1, at + length)
    if kind == "string" then
      put(s, tree, type.field, at, text, unit)
      if not isUtf8(text) then fail(s, at, name .. ": is not valid UTF-8") end
    elseif length > 0 then put(s, tree, type.field, at, nil, unit)
    else put(s, tree, type.field, at, "", unit) end
  elseif kind == "list" then
    local at = s.at
    local item = open(s, tree, type.field)
    s.path[#s.path + 1] = name
    local count, start = varint(s, "count")
    put(s, item, type.count, start, count < 4294967296 and count or 4294967295)
    if count > type.max then fail(s, start, count .. " elements, at most " .. type.max) end
    if item then item:append_text(": " .. count .. " elements") end
    readMany(s, item, count, function(i) readValue(s, item, type.of, "[" .. i .. "]", unit) end)
    s.path[#s.path] = nil
    close(s, item, at)
  elseif kind == "array" then
    local at = s.at
    local item = open(s, tree, type.field, ": " .. type.length .. " elements")
    s.path[#s.path + 1] = name
    readMany(s, item, type.length, function(i) readValue(s, item, type.of, "[" .. i .. "]", unit) end)
    s.path[#s.path] = nil
    close(s, item, at)
  elseif kind == "map" then readMap(s, tree, type, name, unit)
  elseif kind == "union" then readUnion(s, tree, type, name, unit)
  elseif kind == "struct" then
    local at = s.at
    local item = open(s, tree, type.field, " (" .. type.name .. ")")
    s.path[#s.path + 1] = name
    readStruct(s, item, type.name)
    s.path[#s.path] = nil
    close(s, item, at)
  else
    local at = take(s, type.bytes, name)
    if kind == "f16" then
      local value = half(unsigned(s, at, 2))
      if not value then fail(s, at, name .. ": is not finite") end
      put(s, tree, type.field, at, value, unit)
      return
    end
    put(s, tree, type.field, at, nil, unit)
    if type.safe then
      -- From -2^53 + 1 to 2^53 - 1.
      local high, low = unsigned(s, at, 4), unsigned(s, at + 4, 4)
      local negative = kind == "i64" and (high > 4292870144 or (high == 4292870144 and low > 0))
      if high >= 2097152 and not negative then fail(s, at, name .. ": is beyond 2^53 - 1") end
    end
    if kind == "f32" or kind == "f64" then
      local value = s.tvb:range(at, type.bytes):float()
      if value ~= value or value == math.huge or value == -math.huge then
        fail(s, at, name .. ": is not finite")
      end
    end
  end
end

-- Members with a bit block of their own: all, or those of one `since`.
local function readGroup(s, tree, members, blockBytes)
  local absent = {}
  if blockBytes > 0 then
    local block = take(s, blockBytes, "the bit block")
    local used = 0
    for _, m in ipairs(members) do
      if m.presence then
        absent[m] = bits(s, block, m.presence, 1) == 0
        putBits(s, tree, m.present, block, m.presence, 1, not absent[m])
        used = used + 1
      end
      if m.type.bits then
        if not absent[m] then readBits(s, tree, m.type, block, m.bit, m.name, m.unit)
        elseif bits(s, block, m.bit, m.type.bits) ~= 0 then
          fail(s, block + math.floor(m.bit / 8), m.name .. ": is absent, but its bits are not zero")
        end
        used = used + m.type.bits
      end
    end
    padding(s, block, used, blockBytes)
  end
  for _, m in ipairs(members) do
    if not m.type.bits and not absent[m] then readValue(s, tree, m.type, m.name, m.unit) end
  end
end

readStruct = function(s, tree, name)
  local struct = model.structs[name]
  local at = s.at
  enterType(s, struct, name)
  local stop = s.stop
  if struct.body then
    local length, start = varint(s, "length")
    put(s, tree, own.length, start, wide(length))
    if length > struct.body then fail(s, start, "a length of " .. length .. " bytes, at most " .. struct.body) end
    if length > stop - s.at then fail(s, start, length .. " bytes announced, " .. (stop - s.at) .. " left") end
    s.stop = s.at + length
  end
  readGroup(s, tree, struct.members, struct.block)
  for _, group in ipairs(struct.groups or {}) do readGroup(s, tree, group.members, group.block) end
  if struct.body then
    if s.at ~= s.stop then fail(s, s.at, (s.stop - s.at) .. " bytes left over") end
    s.stop = stop
  end
  leaveType(s, struct, name, at)
end

-- ## The header

local function holds(item, flags, facts)
  for _, name in ipairs(item.when) do
    if facts and name == "numbered" then
      if not facts.numbered() then return false end
    elseif facts and name == "unsized" then
      if not facts.unsized() then return false end
    elseif not flags.names[name] then return false end
  end
  return true
end

local function newFlags() return { names = {}, roles = {} } end
local function setFlag(flags, f, value)
  flags.names[f.name] = value ~= 0
  if f.role then flags.roles[f.role] = value ~= 0 end
end

local function readRanges(s, tree, f)
  local start = s.at
  local item = open(s, tree, f.field)
  local first = byteAt(s, take(s, 1, f.name))
  if first < 128 then put(s, item, own.run, start, wide(first + 1))
  else
    local pairCount = first - 128
    put(s, item, own.pairs, start, pairCount)
    if pairCount > 31 then fail(s, start, f.name .. ": " .. pairCount .. " pairs, at most 31") end
    local run, at = varint(s, "run")
    put(s, item, own.run, at, wide(run + 1))
    if pairCount == 0 and run < 128 then fail(s, at, f.name .. ": a short run in the long form") end
    for _ = 1, pairCount do
      local gap, gapAt = varint(s, "gap")
      put(s, item, own.gap, gapAt, wide(gap + 1))
      local next, nextAt = varint(s, "run")
      put(s, item, own.run, nextAt, wide(next + 1))
    end
  end
  close(s, item, start)
end

-- A bit for each number below the largest, in runs: the largest is the first of them.
local function showAckBits(s, tree, at, bytes)
  if not tree then return end
  local range = s.tvb:range(at, bytes)
  local run, gap = 1, 0
  for below = 0, bytes * 8 - 1 do
    if bits(s, at, below, 1) == 1 then
      if gap > 0 then
        tree:add(own.run, range, wide(run))
        tree:add(own.gap, range, wide(gap))
        run, gap = 0, 0
      end
      run = run + 1
    else gap = gap + 1 end
  end
  tree:add(own.run, range, wide(run))
end

local function readItem(s, tree, item, got)
  local f = item.fields[1]
  if f.bits then
    local block = take(s, item.bytes, f.name)
    local offset = 0
    for _, one in ipairs(item.fields) do
      local value = bits(s, block, offset, one.bits)
      if one.mask then putBits(s, tree, one.field, block, offset, one.bits)
      else putBits(s, tree, one.field, block, offset, one.bits, value) end
      local at = block + math.floor(offset / 8)
      if one.role == "reserved" and value ~= 0 then fail(s, at, one.name .. ": reserved bits are set") end
      got(one, value, at)
      offset = offset + one.bits
    end
  elseif f.type == "ack-ranges" then readRanges(s, tree, f)
  elseif f.type == "varint" then
    local value, at = varint(s, f.name)
    put(s, tree, f.field, at, wide(value), f.unit)
    got(f, value, at)
  else
    local at = take(s, item.bytes, f.name)
    local value = unsigned(s, at, item.bytes)
    local shown = put(s, tree, f.field, at, nil, f.unit)
    if f.role == "ack-bits" then showAckBits(s, shown, at, item.bytes) end
    if f.type == "f32" or f.type == "f64" then
      value = s.tvb:range(at, item.bytes):float()
      if value ~= value or value == math.huge or value == -math.huge then
        fail(s, at, f.name .. ": is not finite")
      end
    end
    got(f, value, at)
  end
end

local function checkFlags(s, has, wireId)
  if (has.slice or has.more) and not has.frames then fail(s, s.at, "slice or more is set, but frames is not") end
  if has.limit and not has.ack then fail(s, s.at, "limit is set, but ack is not") end
  if not has.ack and not has["ack-now"] and not has.frames then
    fail(s, s.at, "neither frames nor an acknowledgement")
  end
  if has.frames and not model.channels[wireId] then
    fail(s, s.at, "wire id " .. wireId .. " is no channel of the spec")
  end
  if not has.frames and wireId ~= 1 then fail(s, s.at, "wire id " .. wireId .. " without frames") end
end

local function checkSlice(s, channel, slice, length)
  local size = model.sliceBytes
  if not channel.fragment then fail(s, s.at, "a slice, but " .. channel.name .. " does not fragment") end
  if slice.count < 2 or slice.index >= slice.count then
    fail(s, s.at, "slice " .. slice.index .. " of " .. slice.count)
  end
  if (slice.count - 1) * size >= channel.max then fail(s, s.at, "more slices than the message can have") end
  local last = slice.index == slice.count - 1
  if length < 1 or length > size or (not last and length ~= size) then
    fail(s, s.at, "a slice of " .. length .. " bytes, slices have " .. size)
  end
  if slice.index * size + length > channel.max then fail(s, s.at, "the message is too large") end
end

-- A layout may do without the short forms.
local short = {}
for _, item in ipairs(model.frame) do
  for _, f in ipairs(item.fields) do short[f.role or ""] = true end
end

local function readFrame(s, tree, first, before, summary)
  local flags = newFlags()
  local channel = before and before.channel or model.channels[first.wireId]
  local same = false
  local frame = { number = nil, length = nil }
  local slice = { index = 0, count = 0 }
  if not before then
    for _, item in ipairs(model.frame) do
      for _, f in ipairs(item.fields) do
        if f.bits then
          local shared = f.role == "slice" or f.role == "more"
          setFlag(flags, f, shared and first.flags.roles[f.role] and 1 or 0)
        end
      end
    end
  end
  local function nextNumber()
    return ((before and before.number or 0) + 1) % 2 ^ model.messageNumberBits
  end
  local facts = {
    numbered = function() return channel.numbered end,
    unsized = function() return flags.roles.slice or channel.fixed < 0 end,
  }
  local function got(f, value, at)
    if f.bits then setFlag(flags, f, value) end
    if f.role == "channel" then
      local found = model.channels[value]
      if not found then fail(s, at, "wire id " .. value .. " is no channel of the spec") end
      same = before ~= nil and found == before.channel
      if same and short["same-channel"] then
        fail(s, at, f.name .. ": is written out, though it is that of the frame before")
      end
      channel = found
    elseif f.role == "message-number" then
      if short.consecutive and same and channel.numbered and value == nextNumber() then
        fail(s, at, f.name .. ": is written out, though it is the one before plus one")
      end
      frame.number = value
    elseif f.role == "slice-index" then slice.index = value
    elseif f.role == "slice-count" then slice.count = value
    elseif f.role == "length" then frame.length = value end
  end
  for _, item in ipairs(model.frame) do
    local f = item.fields[1]
    local skip = not before and (f.bits or f.role == "channel")
    if f.role == "channel" and before then
      same = flags.roles["same-channel"] or false
      skip = same
    end
    if f.role == "message-number" and flags.roles.consecutive then skip = true end
    if not skip and holds(item, flags, facts) then readItem(s, tree, item, got) end
  end
  if flags.roles.consecutive then
    if not same or not channel.numbered then fail(s, s.at, "consecutive, but not the same numbered channel") end
    frame.number = nextNumber()
  end
  frame.channel = channel
  frame.more = flags.roles.more
  local isSlice = flags.roles.slice
  if tree then
    tree:append_text(": " .. channel.name)
    if channel.numbered then tree:append_text(" #" .. frame.number) end
    tree:add(own.channel_name, channel.name):set_generated()
    if frame.number then tree:add(own.number, frame.number):set_generated() end
  end
  summary[#summary + 1] = channel.name .. (frame.number and "#" .. frame.number or "")
    .. (isSlice and "[" .. slice.index .. "/" .. slice.count .. "]" or "")
  s.path[#s.path + 1] = channel.name
  local room = s.stop - s.at
  local fixed = isSlice and -1 or channel.fixed
  local length = frame.length or (frame.more and fixed >= 0 and fixed) or room
  if length > room then fail(s, s.at, "a payload of " .. length .. " bytes, " .. room .. " left") end
  if not frame.more and length ~= room then fail(s, s.at, (room - length) .. " bytes left over behind the last frame") end
  if isSlice then
    checkSlice(s, channel, slice, length)
    local at = take(s, length, "slice")
    put(s, tree, own.slice, at, nil, nil, " (" .. slice.index .. " of " .. slice.count .. ")")
  else
    if fixed >= 0 and length ~= fixed then fail(s, s.at, "a payload of " .. length .. " bytes, always " .. fixed) end
    if length > channel.max then fail(s, s.at, "a payload of " .. length .. " bytes, at most " .. channel.max) end
    local stop = s.stop
    s.stop = s.at + length
    readStruct(s, tree, channel.message)
    if s.at ~= s.stop then fail(s, s.at, (s.stop - s.at) .. " bytes left over") end
    s.stop = stop
  end
  s.path[#s.path] = nil
  return frame
end

local function readRegular(s, tree, summary)
  local flags = newFlags()
  local wireId, high = 0, 0
  local function got(f, value, at)
    if f.bits then setFlag(flags, f, value) end
    if f.role == "channel" then wireId = value
    elseif f.role == "packet-number-high" then high = value
    elseif f.role == "packet-number" then
      local full = high * 2 ^ model.packetNumberBits + value
      summary.packet = full
      if tree then tree:add(own.packet_number_full, wide(full)):set_generated() end
    elseif f.role == "key-phase" and value ~= 0 then
      fail(s, at, f.name .. ": is set, but the session is plain")
    end
  end
  for _, item in ipairs(model.clear) do
    if holds(item, flags) then readItem(s, tree, item, got) end
  end
  checkFlags(s, flags.roles, wireId)
  for _, item in ipairs(model.sealed) do
    if holds(item, flags) then readItem(s, tree, item, got) end
  end
  if flags.roles.ack then summary[#summary + 1] = "ack" end
  if not flags.roles.frames then
    if s.at < s.stop then fail(s, s.at, "bytes left over behind a datagram without frames") end
    return
  end
  local before
  local index = 0
  repeat
    local at = s.at
    local item = open(s, tree, own.frame, " " .. index)
    s.path = { "frame " .. index }
    before = readFrame(s, item, { wireId = wireId, flags = flags }, before, summary)
    close(s, item, at)
    index = index + 1
  until not before.more
end

-- ## Zero messages

local function isZero(s)
  return string.sub(s.raw, 1, 3) == "\0\0\0"
end

local function readZero(s, tree, pinfo, summary)
  local cid, rest = string.match(s.raw, '^%z%z%z{"v":1,"cid":"([%w_-]+)"()')
  if not cid or #cid ~= 22 then fail(s, 3, "zero message: v and cid do not open it") end
  s.at = 17 + 22
  put(s, tree, own.cid, 17, cid)
  local msg, from, to = string.match(string.sub(s.raw, rest), '^,"msg":"([%w_-]+)"')
  if msg then
    from = rest - 1 + 8
    s.at = from + #msg
    put(s, tree, own.msg, from, msg)
    summary[#summary + 1] = msg
  end
  local mac = string.match(s.raw, ',"mac":"([%w_-]+)"}$')
  if mac then
    s.at = s.stop - 2
    put(s, tree, own.mac, s.stop - 2 - #mac, mac)
  end
  s.at = s.stop
  if tree and json then
    pcall(function() json:call(s.tvb:range(3):tvb(), pinfo, tree) end)
  end
  if not msg then fail(s, rest - 1, "zero message: no msg behind the cid") end
  if not model.zero[msg] then fail(s, from, "zero message: " .. msg .. " is not in the spec") end
end

-- ## Wireshark

-- Reads a datagram; with a tree, shows it. Says whether it is one of this protocol.
local function read(tvb, pinfo, tree)
  local s = { tvb = tvb, raw = tvb:raw(), at = 0, stop = tvb:len(), path = {}, depths = {}, shown = 0, empty = 0 }
  local summary = {}
  local good, problem = pcall(function()
    if s.stop > model.maxDatagramBytes then fail(s, model.maxDatagramBytes, "longer than a datagram may be") end
    if isZero(s) then readZero(s, tree, pinfo, summary) else readRegular(s, tree, summary) end
  end)
  if not good and tree then
    if type(problem) == "table" then
      local at = math.max(0, math.min(problem.at, tvb:len() - 1))
      local text = (problem.path ~= "" and problem.path .. ": " or "") .. problem.problem
      local range = tvb:len() > 0 and tvb:range(at, 1) or tvb:range(0, 0)
      tree:add_tvb_expert_info(experts.malformed, range, "byte " .. problem.at .. ": " .. text)
      summary[#summary + 1] = "[" .. text .. "]"
    else
      tree:add_proto_expert_info(experts.internal, tostring(problem))
    end
  end
  return good, summary, s
end

local function dissect(tvb, pinfo, root)
  local tree = root:add(proto, tvb:range(0))
  local _, summary, s = read(tvb, pinfo, tree)
  pinfo.cols.protocol = model.column
  local number = summary.packet and ("pn=" .. string.format("%.0f", summary.packet) .. " ") or ""
  pinfo.cols.info = (isZero(s) and "zero " or number) .. table.concat(summary, " ")
  return tvb:len()
end

function proto.dissector(tvb, pinfo, root)
  if tvb:len() == 0 then return 0 end
  return dissect(tvb, pinfo, root)
end

proto.prefs.ports = Pref.range("UDP ports", "", "Ports of the server; all that goes to or from them is taken apart", 65535)
proto.prefs.guess = Pref.bool("Recognise datagrams on other ports", true, "By their bytes: connections that are joined while it is captured, and datagrams that are right to the last bit")

local udp = DissectorTable.get("udp.port")
local ports = ""
function proto.prefs_changed()
  if ports == proto.prefs.ports then return end
  if ports ~= "" then udp:remove(ports, proto) end
  ports = proto.prefs.ports
  if ports ~= "" then udp:add(ports, proto) end
end

proto:register_heuristic("udp", function(tvb, pinfo, root)
  if not proto.prefs.guess or tvb:len() < 5 then return false end
  local good, _, s = read(tvb, pinfo, nil)
  if not good then return false end
  -- What joins names its protocol: others have the same zero messages.
  local hash = isZero(s) and string.match(s.raw, '"hash":"(%x+)"')
  if hash and hash ~= model.hash then return false end
  dissect(tvb, pinfo, root)
  -- From here on all of these two ports is ours, and what is malformed is shown as that.
  if isZero(s) then pinfo.conversation = proto end
  return true
end)
