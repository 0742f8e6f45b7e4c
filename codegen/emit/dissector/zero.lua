-- ## Zero messages: the few members that open and close one; the rest is shown by Wireshark's own dissector of JSON.

local function isZero(s)
  return string.sub(s.raw, 1, 3) == "\0\0\0"
end

-- Clients, by address and port, whose accept said that the server has another version: see docs/wire.md.
local compatClients = {}
-- Which side an address is, by the zero messages that only one of them sends.
local sides = {}
function proto.init() compatClients, sides = {}, {} end

local function endpoint(address, port)
  return tostring(address) .. " " .. port
end

-- Who wrote a datagram, as far as that is known; else nil.
local function sideOf(pinfo)
  local source, destination = endpoint(pinfo.src, pinfo.src_port), endpoint(pinfo.dst, pinfo.dst_port)
  if sides[source] then return sides[source] end
  if sides[destination] == "client" then return "server" end
  if sides[destination] == "server" then return "client" end
  return nil
end

local function isCompat(pinfo)
  return compatClients[endpoint(pinfo.src, pinfo.src_port)]
    or compatClients[endpoint(pinfo.dst, pinfo.dst_port)]
    or false
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
    local writer = model.zero[msg]
    if writer == "client" or writer == "server" then sides[endpoint(pinfo.src, pinfo.src_port)] = writer end
    if msg == "accept" then
      local compat = string.find(s.raw, '"sys":{[^{}]*"compat":true') ~= nil
      compatClients[endpoint(pinfo.dst, pinfo.dst_port)] = compat
    end
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
