// libcurl. What takes a variable list of arguments, which Swift cannot call, has a function here for each type of argument.
#pragma once

#include <curl/curl.h>

static inline CURLcode curl_set_number(CURL *easy, CURLoption option, long value) {
    return (curl_easy_setopt)(easy, option, value);
}

static inline CURLcode curl_set_large_number(CURL *easy, CURLoption option, curl_off_t value) {
    return (curl_easy_setopt)(easy, option, value);
}

/// The text is copied.
static inline CURLcode curl_set_text(CURL *easy, CURLoption option, const char *text) {
    return (curl_easy_setopt)(easy, option, text);
}

static inline CURLcode curl_set_pointer(CURL *easy, CURLoption option, void *pointer) {
    return (curl_easy_setopt)(easy, option, pointer);
}

/// A function that takes in a body's piece or a head's line.
typedef size_t (*curl_data_function)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode curl_set_function(CURL *easy, CURLoption option, curl_data_function function) {
    return (curl_easy_setopt)(easy, option, function);
}

static inline CURLMcode curl_multi_set_number(CURLM *multi, CURLMoption option, long value) {
    return (curl_multi_setopt)(multi, option, value);
}

/// The status of the answer; 0 if there is none.
static inline long curl_status(CURL *easy) {
    long status = 0;
    (curl_easy_getinfo)(easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

/// What CURLOPT_PRIVATE was set to.
static inline void *curl_private(CURL *easy) {
    char *pointer = NULL;
    (curl_easy_getinfo)(easy, CURLINFO_PRIVATE, &pointer);
    return pointer;
}

/// Where the answer's `Location` leads to, in full; NULL if nowhere. It belongs to the handle.
static inline const char *curl_redirect_target(CURL *easy) {
    char *url = NULL;
    (curl_easy_getinfo)(easy, CURLINFO_REDIRECT_URL, &url);
    return url;
}

/// The result that an ended transfer's message tells.
static inline CURLcode curl_result(const CURLMsg *message) { return message->data.result; }

/// What a function for a body's piece returns to get the piece again later.
static inline size_t curl_pause_value(void) { return CURL_WRITEFUNC_PAUSE; }
