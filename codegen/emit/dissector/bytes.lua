-- ## Bytes: the cursor over a datagram, and what is shown of it. Whatever reads goes through `take`, which fails where
-- bytes are missing; whatever shows goes through `put`, `putBits` and `open`, which count.

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
