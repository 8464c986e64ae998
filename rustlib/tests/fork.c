/* Children that are forked at the worst moments count, and end. */
#define _GNU_SOURCE
#include "doubles.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Enough to be split. */
#define SIZE ((size_t)8 << 20)

static uint8_t *data;

static int count(void) {
    return doubles_count_bytes(data, SIZE, 0) == (int64_t)SIZE - 1;
}

static void give_up(int number) {
    (void)number;
    _exit(99);
}

/* Ends this process in a minute. With a handler, because the first process of a namespace ignores
 * signals that it does not handle. */
static void set_a_limit(void) {
    signal(SIGALRM, give_up);
    alarm(60);
}

/* Runs `check` in a child and returns its exit status, or 99 if it does not end. */
static int status_of(int (*check)(void)) {
    pid_t child = fork();
    if (child == 0) {
        set_a_limit();
        _exit(check());
    }
    int status;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static int count_fails(void) { return !count(); }

#define LOAD(word) __atomic_load_n(&(word), __ATOMIC_SEQ_CST)
#define STORE(word, value) __atomic_store_n(&(word), value, __ATOMIC_SEQ_CST)

static int (*real_posix_memalign)(void **out, size_t alignment, size_t size);
static int forking, inside, forked, done;

/* The library's allocator calls this one. Blocks as aligned as a cache line are what threads share:
 * whoever allocates one waits in the middle of it until a child has been forked. */
int posix_memalign(void **out, size_t alignment, size_t size) {
    if (alignment >= 64 && LOAD(forking)) {
        int mine = __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
        while (LOAD(forking) && LOAD(forked) < mine)
            usleep(50);
    }
    return real_posix_memalign(out, alignment, size);
}

static void *count_for_the_first_time(void *counted) {
    *(int *)counted = count();
    STORE(done, 1);
    return NULL;
}

/* Forks at each step of another thread's first count. */
static int fork_during_the_first_use(void) {
    pid_t children[100];
    int counted = 0, failed = 0;
    pthread_t first;
    STORE(forking, 1);
    pthread_create(&first, NULL, count_for_the_first_time, &counted);
    while (!LOAD(done)) {
        if (LOAD(inside) == forked || (size_t)forked == sizeof children / sizeof *children) {
            usleep(50);
            continue;
        }
        pid_t child = fork();
        if (child == 0) {
            STORE(forking, 0);
            set_a_limit();
            _exit(count_fails());
        }
        children[forked] = child;
        STORE(forked, forked + 1);
    }
    STORE(forking, 0);
    pthread_join(first, NULL);
    for (int i = 0; i < forked; i++) {
        int status;
        waitpid(children[i], &status, 0);
        failed += status != 0;
    }
    printf("%d of %d children failed\n", failed, forked);
    fflush(stdout);
    return failed || forked == 0 || !counted || count_fails() || status_of(count_fails);
}

/* A child whose pid, 1, is that of its parent, which has a pool. */
static int fork_into_another_namespace(void) {
    if (getpid() != 1)
        return 2;
    if (count_fails() || unshare(CLONE_NEWPID) != 0)
        return 3;
    return status_of(count_fails);
}

static int fork_into_two_namespaces(void) {
    if (unshare(CLONE_NEWPID) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0) {
        printf("no pid namespace is allowed here\n");
        fflush(stdout);
        return 0;
    }
    return status_of(fork_into_another_namespace);
}

int main(void) {
    void *real = dlsym(RTLD_NEXT, "posix_memalign");
    memcpy(&real_posix_memalign, &real, sizeof real);
    setenv("DOUBLES_NUM_THREADS", "3", 1);
    data = calloc(SIZE, 1);
    int during_first_use = status_of(fork_during_the_first_use);
    int same_pid = status_of(fork_into_two_namespaces);
    if (during_first_use || same_pid)
        fprintf(stderr, "during the first use: %d, same pid: %d\n", during_first_use, same_pid);
    return during_first_use || same_pid;
}
