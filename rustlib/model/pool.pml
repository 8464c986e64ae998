/* The protocol of src/pool.rs: who builds the pool, who may use it, and what a fork leaves behind.
 *
 * Two threads count again and again, and one of them forks between its counts: at each step of the other
 * one, which does not exist in the child. Parent and child share nothing afterwards, so it is enough to
 * follow either of them; here a fork turns the process into its child, or does not happen. The child goes
 * on with a new second thread. Each atomic operation is a step. Spin tries all interleavings and finds
 *
 * - a thread that hands work to a pool whose threads are another process's: it would wait forever;
 * - a thread that waits for a lock whose holder was left behind by a fork;
 * - two threads of one process that build at the same time.
 *
 * Not in here: what the operations' orderings are for. POOL alone publishes memory, by Release and
 * Acquire; STATE publishes the collector's, in the same way; the others are numbers that nothing else
 * hangs on. Forks in the middle of a thread's own count are left out: only a signal handler could do
 * that, which may not count afterwards. A process that has the pid of an ancestor was made by fork after
 * the handler was registered, as pool.rs says.
 *
 * Each of these macros takes a precaution away, and without it there is an error, or the model could not
 * fail: PID_ALONE, FORKS_ALONE, COLLECTOR_UNDER_LOCK, BUILDER_UNDER_LOCK, NO_SECOND_LOOK. With
 * CHILD_HAS_ITS_POOL an error is a run that ends well, in which a child has a pool as its parent had.
 */

#define FORKS 3
#define ROUNDS 3

#define UNTOUCHED 0
#define IN_THE_MIDDLE 1
#define READY 2

#define NOBODY 0

/* What a fork copies. */
byte pool_owner;    /* POOL: the owner that it names, NOBODY if it is null; */
byte pool_home;     /* and in which process its threads are */
byte builder;       /* BUILDER */
byte generation;    /* fork::GENERATION */
bool counting;      /* fork::COUNTING */
bool is_registered; /* whether libc knows the handler */
byte state;         /* collector::STATE */
byte once;          /* the OnceLock of crossbeam-epoch */

/* What it changes. */
byte process = 1;   /* which one this is, counted from the first */
byte number = 1;    /* its pid, which may be that of an ancestor */
byte building;      /* how many of its threads are building */
byte second_of = 1; /* the process that the other thread belongs to */

#if defined(PID_ALONE)
#define CURRENT number
#elif defined(FORKS_ALONE)
#define CURRENT (1 + generation)
#else
#define CURRENT (generation * 16 + number)
#endif

/* A thread of a pool steals work: OnceLock::get_or_init. */
inline steal() {
    if
    :: atomic { once == UNTOUCHED -> once = IN_THE_MIDDLE }; once = READY
    :: once != UNTOUCHED -> once == READY
    fi
}

/* Work is handed to a pool, and waited for. */
inline use(home) {
    assert(home == process);
    steal()
}

/* pool(), and then the count. */
inline count() {
    d_step { outdated_owner = pool_owner; outdated_home = pool_home };
    owner = CURRENT;
    if
    :: outdated_owner == owner -> use(outdated_home)
    :: else -> replace_pool()
    fi;
    d_step { outdated_owner = 0; outdated_home = 0; owner = 0; found = 0 }
}

inline replace_pool() {
    if
    :: atomic { !counting -> counting = true }; is_registered = true
    :: counting
    fi;
    owner = CURRENT;
#ifdef BUILDER_UNDER_LOCK
    atomic { builder == NOBODY -> builder = owner };
#else
    found = builder;
    if
    :: found == owner -> goto alone
    :: else
    fi;
    if
    :: atomic { builder == found -> builder = owner }
    :: builder != found -> goto alone
    fi;
#endif
    building++;
    assert(building == 1);
#ifdef NO_SECOND_LOOK
    assert(pool_home != process); /* Or there would be two pools, and one never used again. */
#else
    if
    :: d_step { pool_owner != outdated_owner || pool_home != outdated_home ->
               outdated_home = pool_home };
        use(outdated_home);
        goto dropped
    :: pool_owner == outdated_owner && pool_home == outdated_home
    fi;
#endif
    collector();
    if
    :: skip /* The system gives no threads just now. */
    :: d_step { pool_owner = owner; pool_home = process }; use(pool_home)
    fi;
dropped:
    building--;
    if
    :: atomic { builder == owner -> builder = NOBODY }
    :: builder != owner
    fi;
alone:
    skip
}

/* collector::initialize; a thread that finds another one in the middle goes without a pool. */
inline collector() {
#ifdef COLLECTOR_UNDER_LOCK
    steal()
#else
    if
    :: atomic { state == UNTOUCHED -> state = IN_THE_MIDDLE };
        steal();
        state = READY
    :: state == IN_THE_MIDDLE -> goto dropped
    :: state == READY
    fi
#endif
}

inline fork() {
    atomic {
        process++;
        if
        :: is_registered -> generation++; number = process
        :: is_registered -> generation++
        :: number = process /* A bare clone, or a fork before there is a handler. */
        fi;
        building = 0;
        had_pool = (pool_owner != NOBODY)
    };
    second_of == process
}

/* The other thread. After a fork it is the new one of the child. */
proctype second() {
    byte outdated_owner, outdated_home, owner, found, round;
again:
    {
        do
        :: round < ROUNDS -> round++; count()
        :: round == ROUNDS -> break
        od;
end_idle:
        process != second_of
    } unless { process != second_of };
    d_step { outdated_owner = 0; outdated_home = 0; owner = 0; found = 0; round = 0; second_of = process };
    goto again
}

init {
    byte outdated_owner, outdated_home, owner, found, round;
    bool had_pool;
    run second();
    do
    :: round < ROUNDS -> round++; count()
    :: process <= FORKS -> fork()
    :: round == ROUNDS -> break
    od
#ifdef CHILD_HAS_ITS_POOL
    ; assert(!(had_pool && pool_home == process))
#endif
}
