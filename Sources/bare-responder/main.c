/// The least that a libmicrohttpd server can do for a GET: the yardstick of the service's own GET of a cached value.
///
/// It runs the daemon in the service's mode (epoll, a thread a core, the same limits), and answers every request with
/// one fixed 64-byte value under the headers that the service sends with a hit. It looks nothing up and keeps
/// nothing, but it builds each response anew, because a server whose headers differ from hit to hit has to. What the
/// service needs more than this is what the cache itself costs.
///
/// usage: bare-responder [--port PORT] [--threads THREADS] [--version]

#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

enum {
    max_threads = 1024,
    max_connections = 10000,
    idle_timeout_seconds = 60,
    exit_usage = 64,        // EX_USAGE
    exit_unavailable = 69,  // EX_UNAVAILABLE
};

/// 64 bytes, as the workload's values are.
static const char value[] = "{\"id\":1234567,\"name\":\"Ada Lovelace\",\"plan\":\"team\",\"seats\":25000}";
_Static_assert(sizeof value - 1 == 64, "the value must have 64 bytes");

/// Marks a request whose headers have been seen. A response queued on that first call closes the connection in
/// libmicrohttpd 0.9.75, so the answer waits for the last one.
static char seen;

static bool add_headers(struct MHD_Response *response) {
    return MHD_add_response_header(response, "Content-Type", "application/json") == MHD_YES
        && MHD_add_response_header(response, "ETag", "\"q1W8x_Zr0aK\"") == MHD_YES
        && MHD_add_response_header(response, "Cache-Control", "max-age=299") == MHD_YES
        && MHD_add_response_header(response, "Age", "1") == MHD_YES
        && MHD_add_response_header(response, "Cache-Status", "production-cache; hit; ttl=299") == MHD_YES;
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload_data, size_t *upload_data_size, void **request) {
    (void)context, (void)url, (void)method, (void)version, (void)upload_data;
    if (*request == NULL) {
        *request = &seen;
        return MHD_YES;
    }
    if (*upload_data_size != 0) {
        *upload_data_size = 0;
        return MHD_YES;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(sizeof value - 1, (void *)value, MHD_RESPMEM_PERSISTENT);
    if (response == NULL) {
        return MHD_NO;
    }
    enum MHD_Result result = add_headers(response) ? MHD_queue_response(connection, MHD_HTTP_OK, response) : MHD_NO;
    MHD_destroy_response(response);
    return result;
}

/// The number of cores that this process may run on.
static long available_cores(void) {
    cpu_set_t cores;
    return sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
}

/// The value of an option that takes a whole number in `lowest...highest`. Ends the process if it is anything else.
static long number(const char *option, const char *text, long lowest, long highest) {
    char *end = NULL;
    errno = 0;
    long result = text == NULL ? 0 : strtol(text, &end, 10);
    if (text == NULL || *text == '\0' || *end != '\0' || errno != 0 || result < lowest || result > highest) {
        fprintf(stderr, "bare-responder: %s must be a number from %ld to %ld\n", option, lowest, highest);
        exit(exit_usage);
    }
    return result;
}

int main(int argc, char **argv) {
    long port = 0;
    long threads = available_cores();
    for (int i = 1; i < argc; i += 2) {
        if (strcmp(argv[i], "--port") == 0) {
            port = number("--port", argv[i + 1], 0, 65535);
        } else if (strcmp(argv[i], "--threads") == 0) {
            threads = number("--threads", argv[i + 1], 1, max_threads);
        } else if (strcmp(argv[i], "--version") == 0) {
            printf("libmicrohttpd %s\n", MHD_get_version());
            return EXIT_SUCCESS;
        } else {
            fprintf(stderr, "usage: bare-responder [--port PORT] [--threads THREADS] [--version]\n");
            return exit_usage;
        }
    }

    // Blocked before the daemon starts its threads, so that only sigwait below ever takes one.
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ending, NULL);

    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO, 0, NULL, NULL, answer, NULL,
        MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned int)max_connections,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)idle_timeout_seconds,
        MHD_OPTION_THREAD_POOL_SIZE, (unsigned int)threads,
        MHD_OPTION_END);
    if (daemon == NULL) {
        fprintf(stderr, "bare-responder: cannot listen on 127.0.0.1:%ld: %s\n", port, strerror(errno));
        return exit_unavailable;
    }
    printf("listening on 127.0.0.1:%d\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);

    int signal;
    sigwait(&ending, &signal);
    MHD_stop_daemon(daemon);
    return EXIT_SUCCESS;
}
