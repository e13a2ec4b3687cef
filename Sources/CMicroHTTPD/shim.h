// The parts of libmicrohttpd that Swift cannot call, because they take a variable list of arguments.
#pragma once

#include <microhttpd.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __linux__
#include <netinet/in.h>
#include <sys/socket.h>
#endif

/// What a daemon is started with.
struct mhd_configuration {
    /// A listening socket, which the daemon takes over.
    MHD_socket listen_socket;
    unsigned int threads;
    unsigned int connection_limit;
    /// Seconds without traffic after which a connection is closed; 0 for never.
    unsigned int timeout;
    /// Told each request's target before the library takes it apart; what it returns is the request's pointer at first.
    void *(*target)(void *context, const char *target, struct MHD_Connection *connection);
    MHD_AccessHandlerCallback handler;
    MHD_RequestCompletedCallback completed;
    /// Told each connection when it is opened, and before it is closed.
    MHD_NotifyConnectionCallback connected;
    /// Handed to the callbacks.
    void *context;
};

/// How much memory a connection has for its request's head, for the piece of the body that it reads, and for its response's
/// head. The library fills this memory with zeros after each request: its default, 32 KiB, costs a GET some 4 % more of
/// its time. What does not fit at all the library refuses itself, with 414 or 431; but what just fits leaves no room for
/// the response's head, and the connection would be closed without an answer after the request took effect. So a
/// request has bounds that leave this room, and a response has one too.
enum { mhd_connection_memory = 12 * 1024 };

/// The most bytes of a request's head: its line, its fields, and the empty line.
enum { mhd_most_head_bytes = 8 * 1024 };

/// The most fields of a request.
enum { mhd_most_request_fields = 40 };

/// How many bytes a date has in a `Date` field.
enum { mhd_date_length = 29 };

/// The longest block that mhd_add_fields() takes.
enum { mhd_most_field_bytes = 480 };

enum {
    /// What the library notes of each field: a struct of 56 bytes, rounded up to 16.
    mhd_field_note = 64,
    /// What it adds to a response's fields: the status line, `Date`, `Connection`, `Content-Length`, the empty line.
    mhd_most_added_bytes = 160,
    /// Rounding, what the reading buffer grows by, and a few empty lines before the request, which the library passes over.
    mhd_slack = 256,
};

// Twice the response's head: for a body the library may take half of what is left, and keep the next request in it.
_Static_assert(
    mhd_most_head_bytes + mhd_most_request_fields * mhd_field_note + 2 * (mhd_most_field_bytes + mhd_most_added_bytes)
        + mhd_slack <= mhd_connection_memory,
    "a request within its bounds leaves no room for its response");

// Percent-decoding is left to the program: libmicrohttpd would cut a path at %00.
static inline size_t mhd_keep_escapes(void *context, struct MHD_Connection *connection, char *text) {
    (void)context;
    (void)connection;
    size_t length = 0;
    while (text[length] != 0) length++;
    return length;
}

/// Starts a daemon with one epoll loop a thread; NULL with errno if it can't be had.
static inline struct MHD_Daemon *mhd_start(const struct mhd_configuration *configuration) {
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO | MHD_USE_ITC, 0, NULL, NULL,
        configuration->handler, configuration->context,
        MHD_OPTION_LISTEN_SOCKET, configuration->listen_socket,
        // A pool of one is refused: 0 means the daemon's own thread.
        MHD_OPTION_THREAD_POOL_SIZE, configuration->threads > 1 ? configuration->threads : 0u,
        MHD_OPTION_CONNECTION_LIMIT, configuration->connection_limit,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)mhd_connection_memory,
        MHD_OPTION_CONNECTION_TIMEOUT, configuration->timeout,
        // What 1 would refuse is refused by the program, in words: the library's own refusal is malformed.
        MHD_OPTION_STRICT_FOR_CLIENT, 0,
        MHD_OPTION_URI_LOG_CALLBACK, configuration->target, configuration->context,
        MHD_OPTION_UNESCAPE_CALLBACK, &mhd_keep_escapes, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, configuration->completed, configuration->context,
        MHD_OPTION_NOTIFY_CONNECTION, configuration->connected, configuration->context,
        MHD_OPTION_END);
}

/// Adds the `Date` field and all other fields of a response in one step; MHD_NO if they are too long or memory is exhausted.
///
/// The library would copy each field's name and value into memory of their own and search both for line breaks, some
/// 100 ns a field, and put the date together anew for each response. Here it copies one field, `Date`, whose value
/// has the length of the whole block, and the block is written over that copy.
///
/// Invariant: MHD_get_response_header() returns the library's own copy, which it has from strdup() and sends as it is; it is
/// overwritten, within its length, before the response is queued.
///
/// @param date    mhd_date_length characters.
/// @param fields  `Name: value` and a line break for each field, with nothing else in them that could be a line break.
/// @param count   How many bytes that is; 0 for no field but `Date`.
static inline enum MHD_Result mhd_add_fields(
    struct MHD_Response *response, const char *date, const char *fields, size_t count
) {
    if (count > mhd_most_field_bytes) return MHD_NO;
    // The library adds the last line break itself.
    const size_t length = mhd_date_length + count;
    char room[mhd_date_length + mhd_most_field_bytes + 1];
    memset(room, '-', length);
    room[length] = 0;
    if (MHD_add_response_header(response, MHD_HTTP_HEADER_DATE, room) != MHD_YES) return MHD_NO;
    char *value = (char *)MHD_get_response_header(response, MHD_HTTP_HEADER_DATE);
    if (value == NULL || strlen(value) != length) return MHD_NO;
    memcpy(value, date, mhd_date_length);
    if (count == 0) return MHD_YES;
    memcpy(value + mhd_date_length, "\r\n", 2);
    memcpy(value + mhd_date_length + 2, fields, count - 2);
    return MHD_YES;
}

/// Has a response of unknown length sent as HTTP/1.0 would have it: it ends with the connection.
static inline void mhd_send_without_chunks(struct MHD_Response *response) {
    MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
}

/// How many fields or cookies of a kind, or kinds, the library has noted of a request.
static inline int mhd_count(struct MHD_Connection *connection, enum MHD_ValueKind kinds) {
    return MHD_get_connection_values_n(connection, kinds, NULL, NULL);
}

/// Has a connection closed after so many seconds without traffic, whatever its daemon's timeout is.
static inline void mhd_set_timeout(struct MHD_Connection *connection, unsigned int seconds) {
    MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, seconds);
}

/// The number of open connections.
static inline unsigned int mhd_connection_count(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    return info == NULL ? 0 : info->num_connections;
}

/// The address of a connection's other end; NULL if there is none.
static inline const struct sockaddr *mhd_client_address(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info == NULL ? NULL : info->client_addr;
}

/// The socket of a connection; -1 if there is none.
static inline int mhd_socket(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info == NULL ? -1 : info->connect_fd;
}

/// How many bytes a TCP connection has received, and how many of those sent were acknowledged.
struct mhd_byte_counts {
    uint64_t received;
    uint64_t acknowledged;
};

/// Asks the system; -1 where it does not tell, as of other sockets, or of an old kernel.
static inline int mhd_count_bytes(int socket, struct mhd_byte_counts *counts) {
#ifdef __linux__
    // struct tcp_info of Linux 4.2, of which the C library knows an older and shorter form: eight single bytes, 24 words of four
    // bytes, two words of eight, and these two.
    unsigned char info[136];
    socklen_t length = sizeof info;
    enum { tcp_info_option = 11, acknowledged_at = 120, received_at = 128 };
    if (getsockopt(socket, IPPROTO_TCP, tcp_info_option, info, &length) != 0 || length < sizeof info) return -1;
    memcpy(&counts->acknowledged, info + acknowledged_at, sizeof counts->acknowledged);
    memcpy(&counts->received, info + received_at, sizeof counts->received);
    return 0;
#else
    (void)socket;
    (void)counts;
    return -1;
#endif
}

/// How many bytes the request's line and headers have.
static inline size_t mhd_header_size(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info == NULL ? 0 : info->header_size;
}
