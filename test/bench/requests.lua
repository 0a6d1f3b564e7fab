-- Requests of random users for wrk: KIND, TOKEN, USERS, QUESTIONS, FAILING (per cent that name an unknown user), PAUSE
-- (milliseconds from an answer to the next request).
local kind = os.getenv("KIND")
local users = tonumber(os.getenv("USERS"))
local questions = tonumber(os.getenv("QUESTIONS") or "1")
local failing = tonumber(os.getenv("FAILING") or "0")
local headers = {
  ["Authorization"] = "Bearer " .. (os.getenv("TOKEN") or ""),
  ["Content-Type"] = "application/json",
}
local pause = tonumber(os.getenv("PAUSE") or "0")
local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("seed", threads)
end

function init()
  math.randomseed(os.time() * 100 + seed)
end

if pause > 0 then
  function delay()
    return pause
  end
end

function request()
  local user = "u" .. math.random(0, users - 1)
  local number = math.random(0, 4)
  local group = "g" .. number

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
  elseif kind == "details" then
    return wrk.format("GET", "/challenge/details?challenge_id=c" .. number, headers)
  elseif kind == "attempt" then
    return wrk.format("POST", "/question/attempt", headers,
      '{"user_id":"' .. user .. '","question_id":"q' .. number .. "-" .. math.random(1, questions)
      .. '","group_challenge_id":"gc' .. number .. '","answer":"answer"}')
  end
  return wrk.format("POST", "/add_points", headers,
    '{"user_id":"' .. user .. '","group_id":"' .. group .. '","points":1}')
end
