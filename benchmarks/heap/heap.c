/* Counts what a process has from malloc and the most it had: the independent check of the runtimes' own books.
   gcc -O2 -shared -fPIC -o heap.so heap.c, then LD_PRELOAD=heap.so; glibc. */
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static _Atomic long live, peak;

static void *given(void *block) {
    if (block) {
        long now = atomic_fetch_add(&live, (long)malloc_usable_size(block)) + (long)malloc_usable_size(block);
        long most = atomic_load(&peak);
        while (now > most && !atomic_compare_exchange_weak(&peak, &most, now)) {
        }
    }
    return block;
}

void *malloc(size_t size) { return given(__libc_malloc(size)); }
void *calloc(size_t count, size_t size) { return given(__libc_calloc(count, size)); }
void *memalign(size_t align, size_t size) { return given(__libc_memalign(align, size)); }
void *aligned_alloc(size_t align, size_t size) { return given(__libc_memalign(align, size)); }

int posix_memalign(void **block, size_t align, size_t size) {
    void *found = given(__libc_memalign(align, size));
    if (!found) return ENOMEM;
    *block = found;
    return 0;
}

void free(void *block) {
    if (block) atomic_fetch_sub(&live, (long)malloc_usable_size(block));
    __libc_free(block);
}

void *realloc(void *block, size_t size) {
    long before = block ? (long)malloc_usable_size(block) : 0;
    void *found = __libc_realloc(block, size);
    if (found || !size) atomic_fetch_sub(&live, before);
    return given(found);
}

long heap_live(void) { return atomic_load(&live); }
long heap_peak(void) { return atomic_load(&peak); }
void heap_restart(void) { atomic_store(&peak, atomic_load(&live)); }
