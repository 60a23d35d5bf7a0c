#!/usr/bin/env python3
"""Writes a C table with a call of every function that usher.h exports.

The header is the list: who adds a function without saying here how it is called gets an error when
the tests are built, so that re-entrancy, lack of memory and threads are tried with it too.

    calls.py usher.h calls.c
"""
import re
import sys

# How an argument is made: by function and name, by type and name, or by type alone. `f` is the
# fixture, `v` the variant of the call, `receipt` what its callbacks report to.
ARGUMENTS = {
    ("usher_subscribe", "name"): 'v == 0 ? NULL : give_string(f, "books")',
    ("usher_event_done", "name"): 'give_string(f, "ledger")',
    ("uint64_t", "seq"): "1",
    ("const char *", "path"): 'give_string(f, f->backup == NULL ? "/dev/null/no" : f->backup)',
    ("int64_t", "closed_before_at"): "0",
    ("usher_purge", "requester"): 'v == 0 ? NULL : give_string(f, "eva")',
    ("usher_claim_cancel", "user"): "f->parked",
    ("usher_unsubscribe", "user"): "f->events",
    ("usher_enqueue", "r"): "give_requests(f, 1, v)",
    ("usher_enqueue_many", "r"): "give_requests(f, 3, v)",
    ("usher_act", "c"): "give_commands(f, 1, v)",
    ("usher_act_many", "c"): "give_commands(f, 3, v)",
    ("usher_collect", "d"): "give_done(f)",
    ("usher_collect", "user"): "give_collected(f)",
    ("usher_agent", "n"): "2",
    ("usher_manual_clock_step", "by_ms"): "1",
    ("usher_manual_clock_free", "c"): "take_spare(f)",
    ("usher_t *", "u"): "f->u",
    ("const usher_t *", "u"): "f->u",
    ("usher_t **", "out"): "&f->other",
    ("struct uv_loop_s *", "loop"): "f->own ? NULL : &f->loop",
    ("const char *", "store"): 'give_string(f, "memory:")',
    ("const usher_options *", "o"): "give_options(f)",
    ("usher_queue_t **", "out"): "&f->queue_out",
    ("usher_agent_t **", "out"): "&f->agent_out",
    ("const char *", "name"): 'give_string(f, v == 0 ? "desk" : "somebody new")',
    ("uint64_t", "from_seq"): "0",
    ("const char *", "policy"): "give_string(f, FIXTURE_POLICY)",
    ("char *", "err"): "f->err",
    ("size_t", "err_len"): "sizeof f->err",
    ("uint32_t", "hold"): "(uint32_t)v",
    ("const char *const *", "skills"): "give_skills(f)",
    ("size_t", "n"): "3",
    ("const usher_claim_args *", "c"): "give_claim_args(f, v)",
    ("int64_t", "wait_ms"): "v == 0 ? 0 : USHER_NEVER",
    ("usher_id", "ticket"): "f->ticket",
    ("const usher_op *", "op"): "give_op(f)",
    ("const usher_claim *", "c"): "give_claim(f)",
    ("const char *", "word"): 'give_string(f, "we are on it")',
    ("const char *", "question"): 'give_string(f, "which printer?")',
    ("const char *", "answer"): 'give_string(f, "the cable was loose")',
    ("const char *", "why"): 'give_string(f, "because")',
    ("const char *", "text"): 'give_string(f, "the one upstairs")',
    ("const char *", "who"): 'give_string(f, "eva")',
    ("const char *", "ref"): 'give_string(f, "R-1")',
    ("int64_t", "next_word_at"): "f->at + 60000",
    ("int64_t", "by_ms"): "60000",
    ("int64_t", "until_at"): "f->at + 3600000",
    ("int64_t", "to_at"): "f->at + 1000",
    ("int64_t", "wall_at"): "f->at",
    ("int32_t", "on"): "USHER_ON_REQUESTER",
    ("int32_t", "as"): "USHER_AS_FIX",
    ("const usher_query *", "q"): "give_query(f, v)",
    ("usher_standing *", "out"): "give_standing(f)",
    ("uint64_t []", "by_state"): "f->by_state",
    ("usher_manual_clock_t **", "out"): "&f->clock_out",
    ("usher_manual_clock_t *", "c"): "f->clock",
    ("int", "err"): "USHER_EINVAL",
    ("int", "what"): "USHER_NAME_STATE",
    ("int", "value"): "USHER_WAITING",
    ("void *", "user"): "receipt",
    "usher_queue_t *": "f->q",
    "const usher_queue_t *": "f->q",
    "usher_agent_t *": "f->a",
    "const usher_agent_t *": "f->a",
    "usher_open_cb": "fixture_on_open",
    "usher_close_cb": "fixture_on_closed",
    "usher_post_cb": "fixture_on_post",
    "usher_done_cb": "fixture_on_done",
    "usher_work_cb": "fixture_on_work",
    "usher_event_cb": "fixture_on_event",
    "usher_page_cb": "fixture_on_page",
}
# Functions that are called in more ways than one; verbs and reads are the header's own.
VARIANTS = {
    "usher_enqueue": ["0", "1"],
    "usher_enqueue_many": ["0", "1"],
    "usher_claim_next": ["0", "1"],
    "usher_claim_many": ["0", "1"],
    "usher_queue": ["0", "1"],
    "usher_agent": ["0", "1"],
    "usher_queue_hold": ["0", "1", "2", "3"],
    "usher_act_many": ["USHER_UPDATE"],
    "usher_subscribe": ["0", "1"],
    "usher_purge": ["0", "1"],
}
SERVICE = {"usher_t *", "usher_queue_t *", "usher_agent_t *"}
CALLBACKS = {"usher_open_cb": "IN_OPEN", "usher_close_cb": "IN_CLOSE", "usher_post_cb": "IN_POST",
             "usher_done_cb": "IN_DONE", "usher_work_cb": "IN_WORK", "usher_event_cb": "IN_EVENT",
             "usher_page_cb": "IN_PAGE"}


def fail(text):
    sys.exit("calls.py: " + text)


def parameter(text):
    match = re.fullmatch(r"(.*?)\s*(\w+)\s*(\[.*\])?", text.strip())
    if match is None or not match.group(1):
        fail("cannot read the parameter %r" % text)
    kind = re.sub(r"\s+", " ", match.group(1)).replace("* ", "*")
    return kind + (" []" if match.group(3) else ""), match.group(2)


def functions(header):
    """(returns, name, [(type, name)]) of each."""
    found = []
    for match in re.finditer(r"USHER_API\s+([\w\s*]+?)(usher_\w+)\s*\(([^)]*)\)\s*;", header):
        text = match.group(3).strip()
        found.append((match.group(1).strip(), match.group(2),
                      [] if text == "void" else [parameter(p) for p in text.split(",")]))
    declared = len(re.findall(r"^USHER_API\b", header, re.M))
    if not found or len(found) != declared:
        fail("%d functions are declared, %d were understood" % (declared, len(found)))
    return found


def enumerators(header, member):
    for match in re.finditer(r"enum\s*\{([^}]*)\}", header):
        names = re.findall(r"\b(USHER_\w+)\s*=", match.group(1))
        if member in names:
            return names
    fail("there is no enum with " + member)


def argument(function, kind, name):
    for key in ((function, name), (kind, name), kind):
        if key in ARGUMENTS:
            return ARGUMENTS[key]
    fail("no call of %s can be made: say what %s %s shall be" % (function, kind, name))


def write_call(out, returns, name, parameters):
    values = [argument(name, *p) for p in parameters]
    call = "%s(%s)" % (name, ", ".join(values))
    if returns == "void":
        body = "    %s;\n    return 0;" % call
    elif returns.endswith("*"):
        body = "    return %s != NULL;" % call
    else:
        body = "    return (int64_t)%s;" % call
    out.append("static int64_t call_%s(struct fixture *f, int v, struct receipt *receipt)\n{\n"
               "    (void)f;\n    (void)v;\n    (void)receipt;\n%s\n}\n" % (name, body))


def rows(returns, name, parameters, variants):
    flags = ["CALL_INT"] if returns == "int" else []
    kinds = {kind.replace("const ", "") for kind, _ in parameters}
    if kinds & SERVICE:
        flags.append("CALL_SERVICE")
    callback = next((CALLBACKS[k] for k, _ in parameters if k in CALLBACKS), "IN_NONE")
    if name == "usher_unsubscribe":
        callback = "IN_NONE"
    for variant in variants.get(name, ["0"]):
        label = name if name not in variants else "%s(%s)" % (name, variant)
        yield '    {"%s", call_%s, "%s", %s, %s, %s},\n' % (
            label, name, name, variant, callback, " | ".join(flags) or "0")


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        header = f.read()
    header = re.sub(r"/\*.*?\*/", " ", header, flags=re.S)
    header = re.sub(r"^#.*(?:\\\n.*)*$", "", header, flags=re.M)
    known = functions(header)
    variants = dict(VARIANTS)
    variants["usher_act"] = enumerators(header, "USHER_ACKNOWLEDGE")
    variants["usher_read"] = enumerators(header, "USHER_READ_TICKETS")
    names = {name for _, name, _ in known}
    for key in list(variants) + [k[0] for k in ARGUMENTS if isinstance(k, tuple)]:
        if re.fullmatch(r"usher_\w+(?<!_cb)", key) and key not in names and key != "usher_id":
            fail("%s is not in the header any more" % key)
    out = ["/* Written by calls.py from usher.h. */\n#include \"fixture.h\"\n"]
    for returns, name, parameters in known:
        write_call(out, returns, name, parameters)
    out.append("const struct call fixture_calls[] = {\n%s};\n"
               "const size_t fixture_calls_n = sizeof fixture_calls / sizeof fixture_calls[0];\n"
               % "".join(r for k in known for r in rows(*k, variants)))
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        f.write("\n".join(out))


main()
