/* The hand-over between the loop and the store's thread: lib/loop/keep.c and lib/store/writer.c.
 *
 * The loop accepts commands, cuts what has changed into a batch when none is under way, and tells
 * each command once its batch has been saved. The thread saves batches and works on jobs (reads,
 * purges), and wakes the loop. Condition variables are as POSIX has them: a signal that nobody
 * waits for is lost. uv_async_send() is a flag: sends that come before the loop looks are one.
 * There are no time-outs here: what only a time-out would mend shows as a deadlock.
 *
 * Shown: nothing is told before it is saved, all of it is told once and in order, every job ends
 * once, the service closes, also in the middle of everything, and nobody sleeps for ever.
 *
 * Each of these, defined, takes one guard away, and then something must go wrong:
 *   TELL_FIRST     the loop tells what it has cut, not what is saved
 *   WAKE_FIRST     the thread wakes the loop before the news are there
 *   SUBMIT_BUSY    the loop hands over a batch while one is under way
 *   IDLE_BLIND     the thread goes to sleep after it looked for a batch, though a job let the lock go since
 *   WAIT_BLIND     the closing loop waits for news without looking whether there are some
 *   CLOSE_EARLY    the loop closes while the store still works
 *   JOB_FIRST      a job does not wait for the batch before it
 */
#define COMMANDS 3
#define NONE     0

bool locked;                             /* store.lock */
bool work_awaited, told_awaited;         /* store.work, store.told: somebody waits */
bool woken;                              /* the loop's uv_async_t */

byte batch, batch_upto;                  /* store.batch: its number, the last command in it */
bool busy, untold, stop, cancel;
byte saved, saved_upto;                  /* news.saved, and the last command that is in the file */

bool job, job_done;                      /* one job: asked for, finished */
byte job_behind, job_upto, out;          /* the batch before it; how much had been accepted by then */
byte jobs_ended;

byte accepted, told, cut;                /* the loop's: commands so far; batches */
bool cut_busy;                           /* keeping.busy */
bool asked, ended;

inline lock()        { atomic { !locked -> locked = true } }
inline unlock()      { locked = false }
inline signal(cv)    { cv = false }
inline wait(cv)      { atomic { cv = true; locked = false }; atomic { !cv && !locked -> locked = true } }

/* ---- the store's thread: run() ----------------------------------------------------------------- */

inline tell()
{
#ifdef WAKE_FIRST
    skip
#else
    untold = true;
    signal(told_awaited);
    unlock();
    woken = true; /* outside the lock */
    lock()
#endif
}

inline work_on_batch()
{
    if
    :: batch != NONE ->
        b = batch; upto = batch_upto;
        unlock();
#ifdef WAKE_FIRST
        woken = true;
#endif
        saved_upto = upto; /* SQLite's commit */
        lock();
        saved = b;
        batch = NONE;
        busy = false;
        tell();
        worked = true
    :: else
    fi
}

inline work_on_job()
{
    if
#ifdef JOB_FIRST
    :: job ->
#else
    :: job && !(batch != NONE && batch == job_behind) ->
#endif
        job = false;
        out++;
        unlock();
        /* what it was asked after is in the file, or it has been canceled */
        assert(cancel || saved_upto >= job_upto);
        lock();
        out--;
        job_done = true;
        tell();
        worked = true
    :: else
    fi
}

active proctype thread()
{
    bool worked, saves;
    byte b, upto;

    lock();
    do
    :: worked = false;
        work_on_batch();
#ifdef IDLE_BLIND
        saves = worked;
#endif
        work_on_job();
#ifdef IDLE_BLIND
        worked = saves;
#endif
        if
        :: worked
        :: else ->
            if
            :: stop && batch == NONE && out == 0 -> break
            :: else -> wait(work_awaited)
            fi
        fi
    od;
    unlock();
    ended = true
}

/* ---- the loop: usher__service_work(), usher__keep_*() ------------------------------------------- */

inline tell_saved() /* completions: each once, in order */
{
    do
#ifdef TELL_FIRST
    :: told < accepted && cut_busy -> told++; assert(told <= saved_upto)
    :: else -> break
#else
    :: told < accepted && told < known_upto -> told++; assert(told <= saved_upto)
    :: else -> break
#endif
    od
}

inline collect()
{
    lock();
    if
    :: saved == cut -> known_upto = cut_upto
    :: else
    fi;
    cut_busy = busy;
    untold = false;
    unlock();
    lock();
    if
    :: job_done -> job_done = false; jobs_ended++; assert(jobs_ended == 1)
    :: else
    fi;
    unlock()
}

inline cut_batch()
{
    if
#ifdef SUBMIT_BUSY
    :: accepted > cut_upto ->
#else
    :: accepted > cut_upto && !cut_busy ->
#endif
        cut++;
        cut_upto = accepted;
        cut_busy = true;
        lock();
#ifndef SUBMIT_BUSY
        assert(batch == NONE);
#endif
        batch = cut; batch_upto = cut_upto;
        busy = true;
        unlock();
        signal(work_awaited)
    :: else
    fi
}

inline ask()
{
    asked = true;
    job_upto = cut_upto; /* what it must see has been cut before: errand_may_go() */
    lock();
    job_behind = batch;
    job = true;
    signal(work_awaited);
    unlock()
}

/* usher__store_wait(): only the drain of a close and of usher_advance() blocks. */
inline wait_for_news()
{
    lock();
    do
#ifdef WAIT_BLIND
    :: batch != NONE || job || out > 0 || true -> wait(told_awaited); break
#else
    :: !untold && !job_done && (batch != NONE || job || out > 0) -> wait(told_awaited)
    :: else -> break
#endif
    od;
    unlock()
}

active proctype loop()
{
    byte known_upto, cut_upto;

    do
    :: accepted < COMMANDS ->
        /* the host's own code: a call, or several before the loop comes round */
        if
        :: accepted++
        :: accepted < COMMANDS - 1 -> accepted = accepted + 2
        fi;
        if
        :: !asked -> cut_batch(); ask()
        :: skip
        fi;
        cut_batch();
        tell_saved()
    :: woken ->
        woken = false;
        collect();
        tell_saved();
        cut_batch()
    :: accepted == COMMANDS || !asked -> break /* usher_close(), at any time */
    od;

    /* usher__keep_cancel(), then until nothing is outstanding */
    lock();
    cancel = true;
    if
    :: job -> job = false; job_done = true
    :: else
    fi;
    unlock();
    collect();
    tell_saved();
    cut_batch();
    do
#ifdef CLOSE_EARLY
    :: break
#else
    :: !(cut_busy || accepted > cut_upto || (asked && jobs_ended == 0)) -> break
    :: else ->
        if
        :: woken -> woken = false /* the loop runs on */
        :: wait_for_news()        /* or it is drained */
        fi;
        collect();
        tell_saved();
        cut_batch()
#endif
    od;

    /* usher__writer_stop(), the handles */
    lock();
    stop = true;
    signal(work_awaited);
    unlock();
    ended; /* pthread_join() */
    assert(told == accepted);
    assert(!asked || jobs_ended == 1)
}
