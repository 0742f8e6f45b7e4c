-- ## The header: that of a datagram and those of its frames, by the spec's three lists, and the regular protocol that they
-- make. What a single datagram cannot show (whether what it acknowledges was ever sent) is not checked.

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

-- What the one varint of a receive limit says: of which channel, and how much of it was handed on. `model.limited` has the
-- channels that each side sends on; between two versions some are left out, and nobody knows here which.
local function limitSays(value, writer)
  local names = model.limited[writer == "client" and "server" or "client"]
  if #names == 0 then return "no channel has one" end
  return names[value % #names + 1] .. ", " .. string.format("%.0f", math.floor(value / #names)) .. " bytes handed on"
end
local function limitText(s, value)
  if s.compat then return nil end
  if s.from then return " (" .. limitSays(value, s.from) .. ")" end
  local client, server = limitSays(value, "client"), limitSays(value, "server")
  if client == server then return " (" .. client .. ")" end
  return " (from the client: " .. client .. "; from the server: " .. server .. ")"
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
  elseif not f.leaf then readRanges(s, tree, f)
  elseif f.leaf.reader == "varint" then
    local value, at = varint(s, f.name)
    put(s, tree, f.field, at, wide(value), f.unit, f.role == "receive-limit" and limitText(s, value) or nil)
    got(f, value, at)
  else
    local at = take(s, item.bytes, f.name)
    local value = unsigned(s, at, item.bytes)
    local shown = put(s, tree, f.field, at, nil, f.unit)
    if f.role == "ack-bits" then showAckBits(s, shown, at, item.bytes) end
    if f.leaf.reader == "float" then
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
  -- Who asks for an acknowledgement may name the channel whose limit it wants.
  if not has.frames and wireId ~= 1 and not (has["ack-now"] and model.channels[wireId]) then
    fail(s, s.at, "wire id " .. wireId .. " without frames")
  end
end

local function checkSlice(s, channel, slice, length, most)
  local size = model.sliceBytes
  if not channel.fragment then fail(s, s.at, "a slice, but " .. channel.name .. " does not fragment") end
  if slice.count < 2 or slice.index >= slice.count then
    fail(s, s.at, "slice " .. slice.index .. " of " .. slice.count)
  end
  if (slice.count - 1) * size >= most then fail(s, s.at, "more slices than the message can have") end
  local last = slice.index == slice.count - 1
  if length < 1 or length > size or (not last and length ~= size) then
    fail(s, s.at, "a slice of " .. length .. " bytes, slices have " .. size)
  end
  if slice.index * size + length > most then fail(s, s.at, "the message is too large") end
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
    unsized = function() return s.compat or flags.roles.slice or channel.fixed < 0 end,
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
  local fixed = (isSlice or s.compat) and -1 or channel.fixed
  local most = s.compat and channel.compatMax or channel.max
  local length = frame.length or (frame.more and fixed >= 0 and fixed) or room
  if length > room then fail(s, s.at, "a payload of " .. length .. " bytes, " .. room .. " left") end
  if not frame.more and length ~= room then fail(s, s.at, (room - length) .. " bytes left over behind the last frame") end
  if isSlice then
    checkSlice(s, channel, slice, length, most)
    local at = take(s, length, "slice")
    put(s, tree, own.slice, at, nil, nil, " (" .. slice.index .. " of " .. slice.count .. ")")
  else
    if fixed >= 0 and length ~= fixed then fail(s, s.at, "a payload of " .. length .. " bytes, always " .. fixed) end
    if length > most then fail(s, s.at, "a payload of " .. length .. " bytes, at most " .. most) end
    local stop = s.stop
    s.stop = s.at + length
    readPayload(s, tree, channel)
    if s.at ~= s.stop then fail(s, s.at, (s.stop - s.at) .. " bytes left over") end
    s.stop = stop
  end
  s.path[#s.path] = nil
  return frame
end

local tagBytes = 16

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
    elseif f.role == "key-phase" and value ~= 0 and not model.isSealed then
      fail(s, at, f.name .. ": is set, but the session is plain")
    end
  end
  for _, item in ipairs(model.clear) do
    if holds(item, flags) then readItem(s, tree, item, got) end
  end
  checkFlags(s, flags.roles, wireId)
  if model.isSealed then
    -- What only the two sides can read, and the tag.
    local left = s.stop - s.at
    if left < tagBytes then fail(s, s.at, left .. " bytes behind the clear part, and a tag has " .. tagBytes) end
    if left > tagBytes then put(s, tree, own.ciphertext, take(s, left - tagBytes, "sealed")) end
    put(s, tree, own.seal_tag, take(s, tagBytes, "tag"))
    summary[#summary + 1] = "sealed, " .. (left - tagBytes) .. " bytes"
    return
  end
  for _, item in ipairs(model.sealed) do
    if holds(item, flags) then readItem(s, tree, item, got) end
  end
  if flags.roles.ack then summary[#summary + 1] = "ack" end
  if not flags.roles.frames then
    if s.at == s.stop then return end
    if not flags.roles["ack-now"] then fail(s, s.at, "bytes left over behind a datagram without frames") end
    for at = s.at, s.stop - 1 do
      if byteAt(s, at) ~= 0 then fail(s, at, "padding that is not zero") end
    end
    put(s, tree, own.padding, take(s, s.stop - s.at, "padding"))
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
