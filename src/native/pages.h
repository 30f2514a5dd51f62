// Memory that may lie in a file: telling the system what will be read.
#pragma once

#include <cstdint>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#include <unistd.h>

inline void will_need(const void* from, const void* to) {
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto start = reinterpret_cast<std::uintptr_t>(from) / page * page, end = reinterpret_cast<std::uintptr_t>(to);
    if (start < end) madvise(reinterpret_cast<void*>(start), end - start, MADV_WILLNEED);  // a hint: may fail
}
#else
inline void will_need(const void*, const void*) {}
#endif
