/* A server of sessions with a tagged pool, and a use after free in it. */

#include <stddef.h>
#include <stdint.h>

#define GRANULE 16
#define SESSIONS 4

struct session {
    uint64_t number;
    uint64_t requests;
    uint64_t bytes;
    uint64_t open;
};

/* Each session has two granules, which share a tag. */
__attribute__((aligned(64))) struct session pool[SESSIONS];

static void print(const char *text)
{
    volatile uint32_t *uart = (volatile uint32_t *)0x09000000;
    while (*text)
        *uart = (unsigned char)*text++;
}

static void *tag_random(void *pointer, uint64_t exclude)
{
    void *tagged;
    __asm__ volatile("irg %0, %1, %2" : "=r"(tagged) : "r"(pointer), "r"(exclude));
    return tagged;
}

static void tag_store(void *pointer, size_t bytes)
{
    for (char *at = pointer; bytes; at += GRANULE, bytes -= GRANULE)
        __asm__ volatile("stg %0, [%0]" : : "r"(at) : "memory");
}

static struct session *session_open(unsigned number)
{
    struct session *session = tag_random(&pool[number], 0);
    tag_store(session, sizeof *session);
    session->number = number;
    session->requests = session->bytes = 0;
    session->open = 1;
    return session;
}

static void session_close(struct session *session)
{
    session->open = 0;
    /* Another tag: whoever keeps the pointer faults. */
    uint64_t old = 1ull << ((uintptr_t)session >> 56 & 15);
    tag_store(tag_random(session, old), sizeof *session);
}

/* The bug: a request that closes a session is counted behind its end. */
static void serve(struct session *session, const char *request)
{
    if (request[0] == 'q')
        session_close(session);
    session->requests++;
}

int main(void)
{
    struct session *first = session_open(0), *second = session_open(1);
    print("two sessions\n");
    serve(first, "get");
    serve(second, "get");
    serve(first, "quit");
    print("done\n");
    return 0;
}

void panic(void)
{
    print("panic: unexpected exception\n");
}
