// libpq, the client library of PostgreSQL; and the numbers of the types that are more than text to JSON, which are part of its protocol
// (src/include/catalog/pg_type.dat) but in no header of the client.
#pragma once

#include <libpq-fe.h>

enum {
    pq_type_bool = 16,
    pq_type_bytea = 17,
    pq_type_int8 = 20,
    pq_type_int2 = 21,
    pq_type_int4 = 23,
    pq_type_oid = 26,
    pq_type_json = 114,
    pq_type_float4 = 700,
    pq_type_float8 = 701,
    pq_type_numeric = 1700,
    pq_type_jsonb = 3802,
};
