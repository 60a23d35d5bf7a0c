/* One counter, one agent, three promises. cc minimal.c $(pkg-config --cflags --libs usher libuv) */
#include <stdio.h>

#include <usher/usher.h>
#include <uv.h>

static const char policy[] =
    "{ \"promises\": { \"ack\":     { \"target\": \"15m\" },"
    "                  \"update\":  { \"target\": \"1h\" },"
    "                  \"resolve\": { \"target\": \"4h\" } } }";

static usher_queue_t *counter;

/* Everything that happens is told once, in order. */
static void on_event(usher_t *u, const usher_event *e, void *user)
{
    (void)u, (void)user;
    printf("  %-13s %-9s %s\n", usher_name(USHER_NAME_EVENT, e->kind),
           usher_name(USHER_NAME_STATE, e->state), e->text.data ? e->text.data : "");
}

static void on_confirmed(usher_t *u, const usher_done *d, void *user)
{
    (void)user;
    printf("ticket %llu: %s\n", (unsigned long long)d->ticket, usher_strerror(d->status));
    usher_close(u, NULL, NULL);
}

static void on_resolved(usher_t *u, const usher_done *d, void *user)
{
    if (d->status == USHER_OK)
        usher_confirm(u, d->ticket, user, on_confirmed, NULL);
}

/* A claim is a lease: say a word, solve it, or let it go before it runs out. */
static void on_work(usher_agent_t *desk, int status, const usher_work *w, size_t n, void *user)
{
    usher_t *u = usher_agent_service(desk);

    (void)n, (void)user;
    if (status != USHER_OK) /* nothing more will come: the service is closing */
        return;
    printf("%s asks: %s\n", w->requester, w->body.data);
    usher_acknowledge(u, &w->claim, "desk 1 has it, word by noon", NULL, NULL);
    usher_resolve(u, &w->claim, USHER_AS_FIX, "printer restarted", on_resolved, "ada@example.org");
}

int main(void)
{
    uv_loop_t *loop = uv_default_loop();
    usher_request r = USHER_INIT(usher_request);
    usher_agent_t *desk;
    usher_t *u;
    char why[200] = "";

    if (usher_open(&u, loop, "memory:", NULL, NULL, NULL) != USHER_OK)
        return 1;
    if (usher_queue(u, &counter, "counter") != USHER_OK ||
        usher_define(counter, policy, why, sizeof(why), NULL, NULL) != USHER_OK ||
        usher_agent(u, &desk, "desk-1", NULL, 0) != USHER_OK) {
        fprintf(stderr, "%s\n", why);
        usher_close(u, NULL, NULL);
        return uv_run(loop, UV_RUN_DEFAULT), 1;
    }
    usher_subscribe(u, NULL, 0, on_event, NULL);
    usher_claim_next(desk, counter, USHER_NEVER, on_work, NULL); /* parks until somebody comes */

    r.requester = "ada@example.org";
    r.body = (usher_text)USHER_TEXT("the printer is on fire");
    usher_enqueue(counter, &r, NULL, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    return uv_loop_close(loop) != 0;
}
