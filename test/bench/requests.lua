-- Requests of random users for wrk: KIND, TOKEN, USERS, FAILING (per cent that name an unknown user).
local kind = os.getenv("KIND")
local users = tonumber(os.getenv("USERS"))
local failing = tonumber(os.getenv("FAILING") or "0")
local headers = {
  ["Authorization"] = "Bearer " .. (os.getenv("TOKEN") or ""),
  ["Content-Type"] = "application/json",
}
local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("seed", threads)
end

function init()
  math.randomseed(os.time() * 100 + seed)
end

function request()
  local user = "u" .. math.random(0, users - 1)
  local group = "g" .. math.random(0, 4)

  if kind == "hot" then
    user, group = "u0", "g0"
  end
  if failing > 0 and math.random(100) <= failing then
    user = "nobody"
  end
  if kind == "live" then
    return wrk.format("GET", "/live", headers)
  elseif kind == "get" then
    return wrk.format("GET", "/get_points?user_id=" .. user .. "&group_id=" .. group, headers)
  elseif kind == "board" then
    return wrk.format("GET", "/competition/" .. group .. "/leaderboard?limit=100", headers)
  end
  return wrk.format("POST", "/add_points", headers,
    '{"user_id":"' .. user .. '","group_id":"' .. group .. '","points":1}')
end
