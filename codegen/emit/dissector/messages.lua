-- ## Messages: values of every kind of type, by the table of the spec's types. Worst case: linear in the bytes; what lies
-- in each other is bounded by the spec, and elements without bytes by MAX_EMPTY.

local readStruct

-- Of bits: the value to show, a text behind it, and what is wrong: `early` before it is shown, `late` behind it.
local bitReaders = {}

function bitReaders.bool(_, raw) return raw == 1 end

function bitReaders.choice(type, raw)
  local late = not model[type.list][type.name][raw] and raw .. " is no value of " .. type.name or nil
  return raw, nil, nil, late
end

-- The names of the bits that are set; whether others are set too.
function bitReaders.choices(type, raw)
  local names, late = {}, nil
  for place = 0, type.bits - 1 do
    if math.floor(raw / 2 ^ place) % 2 == 1 then
      local name = model[type.list][type.name][place]
      if name then names[#names + 1] = name else late = "has bits that " .. type.name .. " does not name" end
    end
  end
  return raw, " (" .. (#names > 0 and table.concat(names, " | ") or "none") .. ")", nil, late
end

function bitReaders.steps(type, raw)
  local step = "step " .. raw .. " of " .. type.steps
  if raw > type.steps then return raw, nil, step end
  local value
  if type.integer then value = type.min + raw * ((type.max - type.min) / type.steps)
  elseif raw == type.steps then value = type.max
  else value = math.min(type.max, type.min + raw / type.steps * (type.max - type.min)) end
  return value, " (" .. step .. ")"
end

local function readBits(s, tree, type, block, offset, name, unit)
  local raw = bits(s, block, offset, type.bits)
  local at = block + math.floor(offset / 8)
  local value, text, early, late = bitReaders[type.reader](type, raw)
  if early then fail(s, at, name .. ": " .. early) end
  putBits(s, tree, type.field, block, offset, type.bits, value, unit, text)
  if late then fail(s, at, name .. ": " .. late) end
end

local function padding(s, block, used, bytes)
  local width = bytes * 8 - used
  if width > 0 and bits(s, block, used, width) ~= 0 then
    fail(s, block + bytes - 1, "padding bits are not zero")
  end
end

-- Whether a float is the one NaN of a type that has it: its first bits are the row's, the others are zero.
local function isNaN(s, type, at)
  local first = math.min(type.bytes, 4)
  return unsigned(s, at, first) == type.nan and unsigned(s, at + first, type.bytes - first) == 0
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

-- Of bytes.
local readers = {}

function readers.varint(s, tree, type, name, unit)
  local value, at = varint(s, name)
  put(s, tree, type.field, at, wide(value), unit)
end

function readers.zigzag(s, tree, type, name, unit)
  local raw, at = varint(s, name)
  local value = raw % 2 == 0 and raw / 2 or -(raw - 1) / 2 - 1
  put(s, tree, type.field, at, wideSigned(value), unit)
end

-- The place of the bytes behind a length, and the length.
local function takeWithLength(s, tree, type, name)
  local length, start = varint(s, name)
  if length > type.max then fail(s, start, name .. ": " .. length .. " bytes, at most " .. type.max) end
  put(s, tree, own.length, start, wide(length))
  return take(s, length, name), length
end

function readers.text(s, tree, type, name, unit)
  local at, length = takeWithLength(s, tree, type, name)
  local text = string.sub(s.raw, at + 1, at + length)
  put(s, tree, type.field, at, text, unit)
  if not isUtf8(text) then fail(s, at, name .. ": is not valid UTF-8") end
end

function readers.blob(s, tree, type, name, unit)
  local at, length = takeWithLength(s, tree, type, name)
  put(s, tree, type.field, at, length == 0 and "" or nil, unit)
end

function readers.whole(s, tree, type, name, unit)
  local at = take(s, type.bytes, name)
  put(s, tree, type.field, at, nil, unit)
  if type.safe then
    -- From -2^53 + 1 to 2^53 - 1.
    local high, low = unsigned(s, at, 4), unsigned(s, at + 4, 4)
    local negative = type.signed and (high > 4292870144 or (high == 4292870144 and low > 0))
    if high >= 2097152 and not negative then fail(s, at, name .. ": is beyond 2^53 - 1") end
  end
end

function readers.half(s, tree, type, name, unit)
  local at = take(s, type.bytes, name)
  local value = isNaN(s, type, at) and 0 / 0 or half(unsigned(s, at, 2))
  if not value then fail(s, at, name .. ": is not finite") end
  put(s, tree, type.field, at, value, unit)
end

function readers.float(s, tree, type, name, unit)
  local at = take(s, type.bytes, name)
  put(s, tree, type.field, at, nil, unit)
  local value = s.tvb:range(at, type.bytes):float()
  if (value ~= value or value == math.huge or value == -math.huge) and not isNaN(s, type, at) then
    fail(s, at, name .. ": is not finite")
  end
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
  elseif type.reader then readers[type.reader](s, tree, type, name, unit)
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
    if length > struct.body and not s.compat then fail(s, start, "a length of " .. length .. " bytes, at most " .. struct.body) end
    if length > stop - s.at then fail(s, start, length .. " bytes announced, " .. (stop - s.at) .. " left") end
    s.stop = s.at + length
  end
  readGroup(s, tree, struct.members, struct.block)
  for _, group in ipairs(struct.groups or {}) do
    -- An older writer stops at the edge of a group.
    if s.compat and s.at == s.stop then break end
    readGroup(s, tree, group.members, group.block)
  end
  if struct.body then
    if s.at ~= s.stop then
      if not s.compat then fail(s, s.at, (s.stop - s.at) .. " bytes left over") end
      put(s, tree, own.later, take(s, s.stop - s.at, "of a later version"))
    end
    s.stop = stop
  end
  leaveType(s, struct, name, at)
end

-- What bytes inflate to; nil where this Wireshark cannot tell.
local function inflate(range)
  for _, method in ipairs({ "uncompress_zlib", "uncompress" }) do
    local good, bytes = pcall(function() return range[method](range, "Inflated message") end)
    if good and bytes and bytes:len() > 0 then return bytes end
  end
  return nil
end

-- The payload of a channel: its message or, where it has `compress`, that behind a byte. What a stream makes is shown where
-- this Wireshark inflates it; else its bytes are all that is shown.
local function readPayload(s, tree, channel)
  if not channel.compress then return readStruct(s, tree, channel.message) end
  local at = take(s, 1, "compression")
  local form = byteAt(s, at)
  put(s, tree, own.compression, at, nil, nil, form == 0 and " (stored)" or form == 1 and " (deflated)" or nil)
  if form == 0 then return readStruct(s, tree, channel.message) end
  if form ~= 1 then fail(s, at, "compression: is neither stored nor deflated") end
  local most = (s.compat and channel.compatMax or channel.max) - 1
  local length = s.stop - s.at
  local start = take(s, length, "deflated")
  put(s, tree, own.deflated, start)
  if length == 0 then fail(s, start, "deflated: is no DEFLATE stream") end
  if length >= most then fail(s, start, "deflated: " .. length .. " bytes, and no shorter than inflated") end
  local inflated = inflate(s.tvb:range(start, length))
  if not inflated then return end
  if inflated:len() > most then fail(s, start, "deflated: inflates to more than " .. most .. " bytes") end
  if inflated:len() <= length then fail(s, start, "deflated: " .. length .. " bytes, and no shorter than inflated") end
  local inner = setmetatable({ tvb = inflated, raw = inflated:raw(), at = 0, stop = inflated:len() }, { __index = s })
  local good, problem = pcall(function()
    readStruct(inner, tree, channel.message)
    if inner.at ~= inner.stop then fail(inner, inner.at, (inner.stop - inner.at) .. " bytes left over") end
  end)
  s.shown, s.empty = inner.shown, inner.empty
  if good then return end
  if type(problem) == "table" then
    problem.problem = "byte " .. problem.at .. " of what it inflates to: " .. problem.problem
    problem.at = start
  end
  error(problem, 0)
end
