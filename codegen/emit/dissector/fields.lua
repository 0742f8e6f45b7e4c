-- What follows is the same for every protocol: it reads datagrams by the table `model` above. One pass, forwards, no
-- state between packets. Whatever the bytes are, reading ends with a field or with an expert info at the byte that is
-- wrong; `fail` throws to the one `pcall` of a datagram. Slices are shown, not put together; MACs are not checked. What is
-- deeper than MAX_SHOWN_DEPTH, or behind MAX_SHOWN fields of a datagram, is read but not shown: Wireshark has limits.

local MAX_SHOWN = 50000
local MAX_SHOWN_DEPTH = 200
-- Elements without bytes that are read one by one; a spec may allow millions of them.
local MAX_EMPTY = 64

-- Wireshark takes a name once. Where another version of the protocol is loaded already, this one's is that with its
-- number behind, and for another state of the same version with its hash too.
local suffix, proto = "", nil
for i, more in ipairs({ "", "_v" .. model.version, "_v" .. model.version .. "_" .. string.sub(model.hash, 1, 8) }) do
  local title = i == 3 and model.title .. " (" .. model.hash .. ")" or model.title
  local made, result = pcall(Proto, model.abbr .. more, title)
  if made then suffix, proto = more, result break end
end
if not proto then error(model.abbr .. " with hash " .. model.hash .. " is loaded already", 0) end
local abbr = model.abbr .. suffix
local fields = {}
local experts = {
  malformed = ProtoExpert.new(abbr .. ".malformed", "Not what the protocol says", expert.group.MALFORMED, expert.severity.ERROR),
  internal = ProtoExpert.new(abbr .. ".internal", "A mistake of the dissector", expert.group.DEBUG, expert.severity.ERROR),
}
proto.experts = { experts.malformed, experts.internal }
local json = Dissector.get("json")

local function field(make, name, ...)
  local made = make(abbr .. string.sub(name, #model.abbr + 1), ...)
  fields[#fields + 1] = made
  return made
end

-- ## Fields of Wireshark: one for every member, header field and part; they must all exist before the first datagram.

-- The field of a leaf, by its row.
local function leafField(row, abbr, name, doc)
  local make = ProtoField[row.make]
  if row.make == "string" or row.make == "bytes" then return field(make, abbr, name, base.NONE, doc) end
  local names = row.named and model[row.list][row.name] or nil
  return field(make, abbr, name, base[row.base or "NONE"], names, nil, doc)
end

-- Gives a type its field, and the types inside it theirs.
local function declare(type, abbr, name, doc)
  local kind = type.kind
  if type.reader then
    type.field = leafField(type, abbr, name, doc)
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
    elseif not f.leaf then
      f.field = field(ProtoField.none, f.abbr, f.title, base.NONE, nil, nil, f.doc)
    else
      f.field = leafField(f.leaf, f.abbr, f.title, f.doc)
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
  { "padding", ProtoField.bytes, "padding" },
  { "ciphertext", ProtoField.bytes, "sealed" },
  { "seal_tag", ProtoField.bytes, "tag of the seal" },
  { "later", ProtoField.bytes, "of a later version" },
  { "compression", ProtoField.uint8, "compression" },
  { "deflated", ProtoField.bytes, "deflated" },
  { "cid", ProtoField.string, "connection id" },
  { "msg", ProtoField.string, "zero message" },
  { "mac", ProtoField.string, "MAC" },
}) do
  own[row[1]] = field(row[2], model.abbr .. "." .. row[1], row[3])
end
proto.fields = fields
