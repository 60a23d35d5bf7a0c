#!/usr/bin/env python3
"""Writes the names of the public calls that can change a service, as C strings: whoever adds one
must say in workloads.c how it is crashed.

    calls.py usher.h calls.h
"""
import re
import sys

# They tell, look, drive or let go; what they change is not saved.
NOT_SAVED = re.compile(r"usher_(open|close|post|fd|timeout|turn|unref|now|read|peek\w*|counts|"
                       r"version|strerror|err_name|name|queue_name|agent_name|agent_service|"
                       r"advance|collect|manual_clock_\w+)")

with open(sys.argv[1], encoding="utf-8") as f:
    header = re.sub(r"/\*.*?\*/", " ", f.read(), flags=re.S)
names = re.findall(r"^USHER_API\s+[\w\s*]+?(usher_\w+)\s*\(", header, re.M)
if not names or len(names) != len(re.findall(r"^USHER_API\b", header, re.M)):
    sys.exit("calls.py: a declaration was not understood")
with open(sys.argv[2], "w", encoding="utf-8") as f:
    f.writelines('"%s",\n' % name for name in names if not NOT_SAVED.fullmatch(name))
