"""How a process may end, or be copied, while the service is busy: it neither crashes, nor hangs,
nor loses what was done."""

from __future__ import annotations

import pathlib
import signal
import tempfile
import textwrap
import unittest

import usher

from . import child


# Of Python 3.12 on: a store has a thread of its own. What it warns of is what is tested here.
FORKS = ("-W", "ignore:This process:DeprecationWarning")


class Case(unittest.TestCase):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)
        self.store = f"sqlite:{self.folder / 'desk.db'}"

    def ends(self, code: str, returncode: int = 0) -> str:
        """Runs a program that has STORE; what it prints, after checking how it ended."""
        result = child.python(f"STORE = {self.store!r}\n" + textwrap.dedent(code), *FORKS)
        told = f"{result.returncode}\n{result.stdout}\n{result.stderr}"
        self.assertEqual(result.returncode, returncode, told)
        # On a busy machine asyncio's debug mode complains of what took long.
        said = [line for line in result.stderr.splitlines() if not line.startswith("Executing <")]
        self.assertEqual(said, [], told)
        return result.stdout

    def waiting(self) -> int:
        """What the next process finds in the store."""
        with usher.Service(self.store) as desk:
            return desk.queue("help").counts()[usher.State.WAITING]


class TestExit(Case):
    def test_without_close(self) -> None:
        self.ends(
            """
            import usher
            desk = usher.Service(STORE)
            desk.queue("help").enqueue("bob")
            """
        )
        self.assertEqual(self.waiting(), 1)

    def test_with_calls_outstanding(self) -> None:
        self.ends(
            """
            import asyncio, usher
            async def main():
                global desk, kept
                desk = await usher.Service(STORE).__aenter__()
                help_ = desk.queue("help")
                kept = [desk.agent("ann").claim([desk.queue("other")]) for _ in range(10)]
                kept += [help_.enqueue("bob") for _ in range(100)]
            loop = asyncio.new_event_loop()
            loop.run_until_complete(main())
            loop.close()
            """
        )
        self.assertEqual(self.waiting(), 100)

    def test_kept_to_the_very_end(self) -> None:
        self.ends(
            """
            import asyncio, builtins, usher
            async def main():
                desk = builtins.desk = await usher.Service(STORE).__aenter__()
                builtins.kept = [desk.queue("help").enqueue("bob") for _ in range(100)]
            asyncio.run(main())
            """
        )
        self.assertFalse((self.folder / "desk.db-wal").exists(), "it was not closed")
        self.assertEqual(self.waiting(), 100)

    def test_with_calls_outstanding_that_nobody_holds(self) -> None:
        self.ends(
            """
            import asyncio, gc, usher
            async def main():
                desk = await usher.Service(STORE).__aenter__()
                help_ = desk.queue("help")
                desk.agent("ann").claim([desk.queue("other")])
                for _ in range(100):
                    help_.enqueue("bob")
            asyncio.run(main())
            gc.collect()
            """
        )
        self.assertEqual(self.waiting(), 100)

    def test_an_error_leaves_with(self) -> None:
        result = child.python(
            f"""
            import usher
            with usher.Service({self.store!r}) as desk:
                desk.queue("help").enqueue("bob")
                raise ValueError("mine")
            """
        )
        self.assertEqual(result.returncode, 1)
        self.assertIn("ValueError: mine", result.stderr)
        self.assertNotIn("ResourceWarning", result.stderr)
        self.assertEqual(self.waiting(), 1)

    def test_sys_exit_inside_a_callback(self) -> None:
        said = self.ends(
            """
            import sys, usher
            with usher.Service(STORE) as desk:
                desk.subscribe(lambda event: sys.exit(7))
                desk.queue("help").enqueue("bob")
                print("not reached")
            """,
            returncode=7,
        )
        self.assertEqual(said, "")
        self.assertEqual(self.waiting(), 1)

    def test_sys_exit_inside_a_callback_on_asyncio(self) -> None:
        self.ends(
            """
            import asyncio, sys, usher
            async def main():
                async with usher.Service(STORE) as desk:
                    desk.subscribe(lambda event: sys.exit(7))
                    await desk.queue("help").enqueue("bob")
                    await asyncio.sleep(10)
            asyncio.run(main())
            """,
            returncode=7,
        )
        self.assertEqual(self.waiting(), 1)

    def test_os_exit_inside_a_callback(self) -> None:
        self.ends(
            """
            import os, usher
            desk = usher.Service(STORE)
            help_ = desk.queue("help")
            help_.enqueue("bob")
            desk.subscribe(lambda event: os._exit(3))
            help_.enqueue("eve")
            """,
            returncode=3,
        )
        self.assertEqual(self.waiting(), 2)  # an event is told when the disk has it

    def test_killed_while_it_waits(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            self.ends(
                f"""
                import os, threading, usher
                desk = usher.Service(STORE)
                desk.queue("help").enqueue("bob")
                threading.Timer(0.2, os.kill, (os.getpid(), {int(number)})).start()
                desk.agent("ann").claim([desk.queue("other")])
                """,
                returncode=-number,
            )
        self.assertEqual(self.waiting(), 2)

    def test_a_daemon_thread_that_waits(self) -> None:
        said = self.ends(
            """
            import threading, time, usher
            ready = threading.Event()
            def serve():
                desk = usher.Service(STORE)
                desk.queue("help").enqueue("bob")
                ready.set()
                desk.agent("ann").claim([desk.queue("other")])
            threading.Thread(target=serve, daemon=True).start()
            ready.wait()
            time.sleep(0.1)
            print("end")
            """
        )
        self.assertEqual(said, "end\n")
        self.assertEqual(self.waiting(), 1)

    def test_a_daemon_thread_that_works(self) -> None:
        self.ends(
            """
            import threading, time, usher
            def serve():
                desk = usher.Service()
                seen = []
                desk.subscribe(seen.append)
                help_, ann = desk.queue("help"), desk.agent("ann")
                while True:
                    help_.enqueue("bob")
                    ann.claim([help_]).resolve("yes")
            for _ in range(3):
                threading.Thread(target=serve, daemon=True).start()
            time.sleep(0.3)
            """
        )

    def test_asyncio_in_a_daemon_thread(self) -> None:
        self.ends(
            """
            import asyncio, threading, time, usher
            async def serve():
                async with usher.Service() as desk:
                    help_, ann = desk.queue("help"), desk.agent("ann")
                    while True:
                        await help_.enqueue("bob")
                        await (await ann.claim([help_])).resolve("yes")
            threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
            time.sleep(0.3)
            """
        )

    def test_objects_that_use_it_when_they_go(self) -> None:
        self.ends(
            """
            import usher
            class Last:
                def __del__(self):
                    for call in (help_.counts, desk.now, lambda: help_.enqueue("late"), desk.close):
                        try:
                            call()
                        except (usher.UsherError, TypeError, AttributeError, NameError):
                            pass
            desk = usher.Service(STORE)
            help_ = desk.queue("help")
            last = Last()
            cycle = [last]
            cycle.append(cycle)
            del last
            """
        )

    def test_a_manual_clock_that_outlives_nothing(self) -> None:
        self.ends(
            """
            import usher
            desks = [usher.Service(clock=usher.ManualClock()) for _ in range(3)]
            for desk in desks:
                desk.queue("help").enqueue("bob")
            desks.append(desks)
            """
        )

    def test_its_own_atexit_hook_may_still_use_it(self) -> None:
        said = self.ends(
            """
            import atexit, usher
            desk = usher.Service(STORE)
            atexit.register(lambda: print(desk.queue("help").enqueue("bob").id))
            """
        )
        self.assertEqual(said, "1\n")
        self.assertEqual(self.waiting(), 1)


CHECK = """
    def check(desk, help_, ticket):
        for call in (desk.now, desk.turn, desk.close, lambda: help_.enqueue("eve"), help_.counts,
                     ticket.standing, lambda: desk.post(print), lambda: desk.queue("other")):
            try:
                call()
            except usher.Forked:
                continue
            return f"{call} went through"
        return "forked"
"""


class TestFork(Case):
    def test_a_child_is_refused_and_the_parent_does_not_notice(self) -> None:
        said = self.ends(
            CHECK
            + """
    import gc, os, sys, usher
    desk = usher.Service(STORE)
    help_ = desk.queue("help")
    ticket = help_.enqueue("bob")
    for way in ("_exit", "exit", "collected"):
        pid = os.fork()
        if pid == 0:
            said = check(desk, help_, ticket)
            with usher.Service() as own:
                own.queue("help").enqueue("eve")
            if way == "_exit":
                os._exit(said != "forked")
            if way == "collected":
                del desk, help_, ticket, own
                gc.collect()
            sys.exit(said != "forked")
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        help_.enqueue("bob")
    desk.close()
            """
        )
        self.assertEqual(said.split(), ["0", "0", "0"])
        self.assertEqual(self.waiting(), 4)

    def test_a_fork_inside_a_callback(self) -> None:
        said = self.ends(
            CHECK
            + """
    import os, usher
    desk = usher.Service(STORE)
    help_ = desk.queue("help")
    ticket = help_.enqueue("bob")
    def told(event):
        pid = os.fork()
        if pid == 0:
            os._exit(check(desk, help_, ticket) != "forked")
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    desk.subscribe(told)
    help_.enqueue("bob")
    desk.close()
            """
        )
        self.assertEqual(said, "0\n")

    def test_a_child_that_leaves_with(self) -> None:
        said = self.ends(
            """
            import os, sys, usher
            with usher.Service(STORE) as desk:
                pid = os.fork()
                if pid == 0:
                    sys.exit(5)
                print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                desk.queue("help").enqueue("bob")
            """
        )
        self.assertEqual(said, "5\n")
        self.assertEqual(self.waiting(), 1)

    def test_a_fork_on_asyncio(self) -> None:
        said = self.ends(
            """
            import asyncio, os, usher
            async def main():
                async with usher.Service(STORE) as desk:
                    help_ = desk.queue("help")
                    waiting = desk.agent("ann").claim([help_])
                    pid = os.fork()
                    if pid == 0:
                        try:
                            await help_.enqueue("eve")
                        except usher.Forked:
                            os._exit(0)
                        os._exit(1)
                    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                    await help_.enqueue("bob")
                    print((await waiting).requester)
            asyncio.run(main())
            """
        )
        self.assertEqual(said.split(), ["0", "bob"])

    def test_multiprocessing(self) -> None:
        for method in ("fork", "spawn", "forkserver"):
            with self.subTest(method), tempfile.TemporaryDirectory() as folder:
                program = pathlib.Path(folder, "program.py")
                program.write_text(textwrap.dedent(CHECK) + textwrap.dedent(MULTIPROCESSING))
                result = child.python(
                    f"""
                    import runpy, sys
                    sys.path.insert(0, {folder!r})
                    import program
                    program.main({method!r}, {self.store!r})
                    """,
                    *FORKS,
                )
                self.assertEqual(
                    (result.stdout.split(), result.stderr, result.returncode),
                    (["own", "1", "forked"] if method == "fork" else ["own", "1"], "", 0),
                )

    def test_a_subprocess_inherits_nothing(self) -> None:
        said = self.ends(
            """
            import os, subprocess, sys, usher
            def open_files():
                folder = "/proc/self/fd"
                return [os.path.realpath(f"{folder}/{fd}") for fd in os.listdir(folder)]
            if len(sys.argv) == 1:
                before = open_files()
                desk = usher.Service(STORE)
                print(any("desk.db" in path for path in open_files()))
                with open("/proc/self/cmdline") as file:
                    program = file.read().split("-c\\0")[1].rstrip("\\0")
                command = [sys.executable, "-c", program, "child"]
                subprocess.run(command, close_fds=False, check=True)
                desk.close()
            else:
                print([path for path in open_files() if "desk.db" in path or "anon_inode" in path])
            """
        )
        self.assertEqual(said.splitlines(), ["True", "[]"])


MULTIPROCESSING = """
    import multiprocessing, sys, usher

    shared = []

    def work(queue):
        with usher.Service() as own:
            own.queue("help").enqueue("eve")
            queue.put("own")
            queue.put(own.queue("help").counts()[usher.State.WAITING])
        if shared:
            queue.put(check(*shared))

    def main(method, store):
        context = multiprocessing.get_context(method)
        with usher.Service(store) as desk:
            help_ = desk.queue("help")
            shared.extend([desk, help_, help_.enqueue("bob")])
            queue = context.Queue()
            process = context.Process(target=work, args=(queue,))
            process.start()
            for _ in range(3 if method == "fork" else 2):
                print(queue.get(timeout=30))
            process.join()
            queue.close()
            assert process.exitcode == 0
            help_.enqueue("bob")
"""


if __name__ == "__main__":
    unittest.main()
