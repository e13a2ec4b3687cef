// The parts of libmicrohttpd that Swift cannot call, because they take a variable list of arguments.
#pragma once

#include <microhttpd.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __linux__
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#endif

/// What a daemon is started with.
struct mhd_configuration {
    /// A listening socket, which the daemon takes over.
    MHD_socket listen_socket;
    unsigned int threads;
    unsigned int connection_limit;
    /// The most bytes of a request's head: its line, its fields, and the empty line.
    size_t head_bytes;
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
    /// GnuTLS's name of the protocols and ciphers of TLS; NULL for plain HTTP.
    const char *tls_priorities;
    /// A gnutls_certificate_retrieve_function2, which the library wants to have.
    void *tls_certificate;
};

/// The most fields of a request.
enum { mhd_most_request_fields = 40 };

/// How many bytes a date has in a `Date` field.
enum { mhd_date_length = 29 };

/// The longest block that mhd_add_fields() takes.
enum { mhd_most_field_bytes = 576 };

enum {
    /// What the library notes of each field: a struct of 56 bytes, rounded up to 16.
    mhd_field_note = 64,
    /// What it adds to a response's fields: the status line, `Date`, `Connection`, `Content-Length`, the empty line.
    mhd_most_added_bytes = 160,
    /// Rounding, what the reading buffer grows by, and a few empty lines before the request, which the library passes over.
    mhd_slack = 256,
};

/// How much memory a connection has for its request's head, for the piece of the body that it reads, and for its response's
/// head. The library fills this memory with zeros after each request, so that all of it is in use from then on: its
/// default, 32 KiB, costs a GET some 4 % more of its time, and an idle connection as much memory. What does not fit at all
/// the library refuses itself, with 414 or 431; but what just fits leaves no room for the response's head, and the
/// connection would be closed without an answer after the request took effect. So a request has bounds that leave this room,
/// and a response has one too.
static inline size_t mhd_connection_memory(size_t head_bytes) {
    // Twice the response's head: for a body the library may take half of what is left, and keep the next request in it.
    return head_bytes + mhd_most_request_fields * mhd_field_note + 2 * (mhd_most_field_bytes + mhd_most_added_bytes)
        + mhd_slack;
}

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
    // Connections are suspended while their responses are made, or while they wait for the next part of a handshake.
    unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO | MHD_ALLOW_SUSPEND_RESUME;
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_END, 0, (void *)configuration->tls_priorities},
        {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, configuration->tls_certificate},
        {MHD_OPTION_END, 0, NULL},
    };
    if (configuration->tls_priorities != NULL) {
        flags |= MHD_USE_TLS;
        options[0].option = MHD_OPTION_HTTPS_PRIORITIES;
    }
    return MHD_start_daemon(
        flags, 0, NULL, NULL,
        configuration->handler, configuration->context,
        MHD_OPTION_ARRAY, options,
        MHD_OPTION_LISTEN_SOCKET, configuration->listen_socket,
        // A pool of one is refused: 0 means the daemon's own thread.
        MHD_OPTION_THREAD_POOL_SIZE, configuration->threads > 1 ? configuration->threads : 0u,
        MHD_OPTION_CONNECTION_LIMIT, configuration->connection_limit,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, mhd_connection_memory(configuration->head_bytes),
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

/// Of how many pieces a response to this connection's request may be.
///
/// The library copies their list to the connection's memory when it is about to send them. Where it does not fit, version 0.9.75
/// unlocks a mutex that it has not locked, and aborts the process when it destroys that.
///
/// In that memory there are then: from its end, the notes of the request's fields; from its start, the head, and behind it what
/// has arrived of the next requests. That is at most as much as the reading buffer had, which is half of the memory at first, and is
/// enlarged by an eighth of what is left, or mhd_increment, only while it has less than mhd_increment left; and the response's
/// head.
///
/// @param head_bytes  As of the daemon's configuration.
static inline size_t mhd_most_pieces(struct MHD_Connection *connection, size_t head_bytes) {
    enum { mhd_increment = 1024 };
    // Copies of cookies, and fields behind a body, are not worth reckoning with.
    if (mhd_count(connection, (enum MHD_ValueKind)(MHD_COOKIE_KIND | MHD_FOOTER_KIND)) > 0) return 0;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (info == NULL) return 0;
    const size_t memory = mhd_connection_memory(head_bytes);
    const size_t enlarged = info->header_size + mhd_increment + memory / 16;
    const size_t read = enlarged > memory / 2 ? enlarged : memory / 2;
    const size_t notes = (size_t)mhd_count(connection, MHD_HEADER_KIND) * mhd_field_note;
    const size_t used = read + notes + mhd_most_field_bytes + mhd_most_added_bytes + mhd_field_note;
    return used < memory ? (memory - used) / sizeof(struct MHD_IoVec) : 0;
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

/// The gnutls_session_t of a connection; NULL of one of plain HTTP.
static inline void *mhd_tls_session(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info == NULL ? NULL : info->tls_session;
}
