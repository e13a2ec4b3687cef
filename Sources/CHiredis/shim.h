// hiredis, the client library of Redis.
#pragma once

#include <hiredis/hiredis.h>
