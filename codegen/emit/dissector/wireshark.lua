-- ## Wireshark: one datagram from beginning to end with its one `pcall`, the preferences, and how traffic is recognised.

-- Reads a datagram; with a tree, shows it. Says whether it is one of this protocol.
local function read(tvb, pinfo, tree)
  local s = { tvb = tvb, raw = tvb:raw(), at = 0, stop = tvb:len(), path = {}, depths = {}, shown = 0, empty = 0 }
  s.compat = isCompat(pinfo)
  s.from = sideOf(pinfo)
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

-- Shared by all that are loaded: whose a hash is, and whose a client is, by address and port, since its join named a
-- hash. What follows a join may be right to the last bit for other versions too.
_G.stardustVersions = _G.stardustVersions or {}
_G.stardustClients = _G.stardustClients or {}
_G.stardustVersions[model.hash] = abbr

proto:register_heuristic("udp", function(tvb, pinfo, root)
  if not proto.prefs.guess or tvb:len() < 5 then return false end
  local source = endpoint(pinfo.src, pinfo.src_port)
  local joins = string.match(tvb:raw(), '^%z%z%z{"v":1,"cid":"[%w_-]+","msg":"join".-"hash":"(%x+)"')
  if joins and _G.stardustVersions[joins] then _G.stardustClients[source] = _G.stardustVersions[joins] end
  local theirs = _G.stardustClients[source] or _G.stardustClients[endpoint(pinfo.dst, pinfo.dst_port)]
  if theirs and theirs ~= abbr then return false end
  local good, _, s = read(tvb, pinfo, nil)
  if not good then return false end
  -- What joins names its protocol, and older versions that it can talk to: others have the same zero messages.
  local names = isZero(s) and string.find(s.raw, '"hash":"%x+"')
  if names and not string.find(s.raw, '"' .. model.hash .. '"', 1, true) then return false end
  dissect(tvb, pinfo, root)
  -- From here on all of these two ports is ours, and what is malformed is shown as that.
  if isZero(s) then pinfo.conversation = proto end
  return true
end)
