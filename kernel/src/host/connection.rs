//! The kernel's side of one host process: plays the child's part of evcxr's protocol, sends cells to
//! the worker and passes what comes back to the [`Presenter`].

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::aside;
use super::call::{Call, CallReport, Manner, Slot};
use super::control::{Answer, CellFunction, Function, Notice, Order, SUPERVISOR_MESSAGE, handed};
use super::listener::Running;
use super::pipes::Pipes;
use super::reader::{Presenter, Question, Source};
use super::record::{self, Record};
use super::ring::{self, Shared, run};
use super::{
    CallWork, Death, Inner, Libraries, NO_PROCESS, QueuedCall, RunReport, State, evcxr_protocol, sys,
};
use crate::interpreter::{InputError, Stream};

/// How long many small records may gather before they are shown.
const REST: Duration = Duration::from_millis(2);
/// How long half a marker or a bundle waits for its other half.
const HOLD: Duration = Duration::from_millis(100);
/// Bytes after which the other sources get their turn.
const TURN: usize = 4 << 20;
/// How long a process may take to end.
const ENDING: Duration = Duration::from_secs(3);

/// Who wanted a run.
enum Origin {
    Evcxr,
    Kernel,
    /// A call, which is no cell.
    Call {
        slot: Arc<Slot>,
        answer: Option<Vec<u8>>,
    },
}

struct Current {
    run: u32,
    origin: Origin,
    since: Instant,
}

/// One host process, for as long as it lives.
pub struct Connection<'a> {
    inner: &'a Arc<Inner>,
    supervisor: UnixStream,
    evcxr_in: OwnedFd,
    evcxr_out: File,
    evcxr_lines: evcxr_protocol::Lines,
    shared: Arc<Shared>,
    records: ring::Reader,
    waker: OwnedFd,
    /// Standard output and standard error of others than Rust's std.
    pipes: Pipes,
    orders: Arc<OwnedFd>,
    answers: Arc<OwnedFd>,
    presenter: Presenter,
    loaded: bool,
    /// The number of the next run, which no other run of this kernel had.
    pub next_run: u32,
    /// What evcxr wants to run.
    wanted: Option<CellFunction>,
    current: Option<Current>,
    /// When something last came.
    heard: Instant,
}

impl<'a> Connection<'a> {
    /// Takes what the supervisor hands over.
    pub fn accept(inner: &'a Arc<Inner>, socket: UnixStream, next_run: u32) -> io::Result<Connection<'a>> {
        let mut message = [0; SUPERVISOR_MESSAGE];
        socket.set_read_timeout(Some(ENDING))?;
        let (length, fds) = sys::receive_with_fds(socket.as_fd(), &mut message)?;
        socket.set_read_timeout(None)?;
        let fds: Result<[OwnedFd; handed::COUNT], _> = fds.try_into();
        let (SUPERVISOR_MESSAGE, Some(Notice::Hello), Ok(fds)) = (length, Notice::decode(&message), fds)
        else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "no greeting"));
        };
        let mut fds = fds.map(Some);
        let mut take = |index: usize| fds[index].take().expect("each descriptor is taken once");
        let shared = Arc::new(Shared::map(take(handed::MEMORY).as_fd())?);
        let pipes = Pipes::new([take(handed::STDOUT), take(handed::STDERR)], Arc::clone(&shared));
        let answers = take(handed::ANSWERS);
        sys::limit_send(answers.as_fd(), ENDING);
        let shown = Arc::clone(inner);
        {
            let mut state = inner.state();
            state.lost = false;
            state.connected = true;
        }
        inner.changed.notify_all();
        Ok(Connection {
            inner,
            supervisor: socket,
            evcxr_in: take(handed::EVCXR_IN),
            evcxr_out: take(handed::EVCXR_OUT).into(),
            evcxr_lines: evcxr_protocol::Lines::default(),
            records: ring::Reader::new(Arc::clone(&shared)),
            shared,
            waker: take(handed::WAKER),
            pipes,
            orders: Arc::new(take(handed::ORDERS)),
            answers: Arc::new(answers),
            presenter: Presenter::new(move |output| shown.show(output)),
            loaded: false,
            next_run,
            wanted: None,
            current: None,
            heard: Instant::now(),
        })
    }

    /// Serves until the process or evcxr goes, or the kernel shuts down.
    pub fn serve(&mut self) -> io::Result<()> {
        loop {
            let (came, more) = self.drain()?;
            if came {
                self.heard = Instant::now();
            } else if self.presenter.holds() && self.heard.elapsed() >= HOLD {
                self.presenter.release();
            }
            self.start_next()?;
            if !self.wait(came, more)? {
                return Ok(());
            }
        }
    }

    /// Takes what the worker wrote, in order: records first, and what is in the pipes when there
    /// are none or where a record says that the pipes came first. Returns whether anything came,
    /// and whether more is at hand.
    fn drain(&mut self) -> io::Result<(bool, bool)> {
        let mut taken = 0;
        loop {
            while let Some((kind, payload)) = self.records.next().map_err(io::Error::other)? {
                taken += payload.len() + 8;
                let source = match kind {
                    record::STDOUT => Source::Ring(Stream::Stdout),
                    record::STDERR => Source::Ring(Stream::Stderr),
                    _ => {
                        let record =
                            Record::decode(kind, payload).ok_or_else(|| io::Error::other(ring::Corrupt))?;
                        self.record(record)?;
                        continue;
                    }
                };
                self.presenter.bytes(source, payload);
                if taken > TURN {
                    self.presenter.settle();
                    return Ok((true, true));
                }
            }
            let waiting = self.pipes.waiting();
            if waiting == [0, 0] {
                break;
            }
            // What waits in the pipes came after all records only if there is still none.
            if self.records.is_empty() {
                taken += self.pipes.take(waiting, &mut self.presenter)?;
                if taken > TURN {
                    break;
                }
            }
        }
        self.presenter.settle();
        Ok((taken > 0, taken > TURN))
    }

    fn record(&mut self, record: Record) -> io::Result<()> {
        match record {
            Record::Sync { written } => {
                let waiting = self.pipes.waiting();
                let ahead = self.pipes.not_taken(written);
                let lengths = [0, 1].map(|index| waiting[index].min(ahead[index]));
                self.pipes.take(lengths, &mut self.presenter)?;
            }
            Record::Done { run, nanoseconds } => {
                if self.current.as_ref().is_some_and(|current| current.run == run) {
                    self.pipes.take(self.pipes.waiting(), &mut self.presenter)?;
                    let mut report = self.presenter.finish(None);
                    report.duration = Duration::from_nanos(nanoseconds);
                    self.finish(report, true)?;
                }
            }
            Record::Answer(bytes) => {
                if let Some(Current {
                    origin: Origin::Call { answer, .. },
                    ..
                }) = &mut self.current
                {
                    answer.get_or_insert_default().extend(bytes);
                }
            }
            Record::Told(bytes) => self.inner.state().told.extend(bytes),
            other => {
                if let Some(question) = self.presenter.record(other) {
                    self.ask(question);
                }
            }
        }
        Ok(())
    }

    /// Asks the frontend in a thread of its own, so that outputs go on meanwhile.
    fn ask(&self, question: Question) {
        let frontend = self.inner.state().frontend.clone();
        let answers = Arc::clone(&self.answers);
        let work = move || {
            let Question { id, prompt, password } = question;
            let answer = match frontend.map(|frontend| frontend.input(&prompt, password)) {
                Some(Ok(line)) => Answer::Line(line.into_bytes()),
                Some(Err(InputError::Closed)) => Answer::Closed,
                Some(Err(InputError::NotAllowed | InputError::Interrupted)) | None => Answer::NotAllowed,
            };
            for part in answer.encode(id) {
                if let Err(error) = sys::send(answers.as_fd(), &part) {
                    tracing::debug!(%error, "nobody waits for the input any more");
                    return;
                }
            }
        };
        if let Err(error) = std::thread::Builder::new()
            .name("cellar-input".into())
            .spawn(work)
        {
            tracing::error!(%error, "cannot ask for input");
        }
    }

    /// Sends what is to run next, once the worker is idle and the libraries are known.
    fn start_next(&mut self) -> io::Result<()> {
        if self.current.is_some() {
            return Ok(());
        }
        self.make_calls()?;
        if self.current.is_some() {
            return Ok(());
        }
        while self.wanted.is_none()
            && let Some(line) = self.evcxr_lines.next()
        {
            let Some(mut cell) = evcxr_protocol::load_and_run(&line) else {
                tracing::error!(line, "evcxr sent what is no command of its protocol");
                continue;
            };
            let mut state = self.inner.state();
            if let Some(name) = &state.cell_function {
                cell.function.clone_from(name);
            }
            let skips = std::mem::take(&mut state.skip_next);
            drop(state);
            if skips {
                self.evcxr_out.write_all(evcxr_protocol::COMPLETE.as_bytes())?;
            } else {
                self.wanted = Some(cell);
            }
        }
        let mut state = self.inner.state();
        let Some(libraries) = state.libraries.clone() else {
            return Ok(());
        };
        let next = match self.wanted.take() {
            Some(cell) => Some((cell, Origin::Evcxr)),
            None => state.requested.take().map(|cell| (cell, Origin::Kernel)),
        };
        let Some((cell, origin)) = next else {
            drop(state);
            return self.load(libraries);
        };
        let run = self.begin_run(&mut state, true)?;
        drop(state);
        self.load(libraries)?;
        self.start(run, origin, &Order::Run { run, cell });
        Ok(())
    }

    /// Makes the calls that wait, up to the first that is made in the worker itself.
    fn make_calls(&mut self) -> io::Result<()> {
        loop {
            let inner = Arc::clone(self.inner);
            let mut state = inner.state();
            let Some(libraries) = state.libraries.clone() else {
                return Ok(());
            };
            let Some(QueuedCall { work, slot }) = state.calls.pop_front() else {
                return Ok(());
            };
            if slot.is_stopped() {
                slot.report(CallReport::failed("it was stopped"));
                continue;
            }
            // What nothing protects is not interrupted either: that would cost the variables.
            let may_be_interrupted =
                !matches!(&work, CallWork::Call(call) if call.manner != Manner::Protected);
            let aside = matches!(&work, CallWork::Call(call) if call.manner == Manner::Aside);
            let run = match aside {
                true => 0,
                false => self.begin_run(&mut state, may_be_interrupted)?,
            };
            drop(state);
            self.load(libraries)?;
            let order = match work {
                CallWork::Forget(names) => Order::Forget { run, names },
                CallWork::Call(call) if aside => {
                    self.call_aside(function(call), slot)?;
                    continue;
                }
                CallWork::Call(call) => Order::Call {
                    run,
                    protected: call.manner == Manner::Protected,
                    function: function(call),
                },
            };
            self.start(run, Origin::Call { slot, answer: None }, &order);
            return Ok(());
        }
    }

    /// Has a copy of the worker make a call; a thread waits for what comes of it.
    fn call_aside(&self, function: Function, slot: Arc<Slot>) -> io::Result<()> {
        let (ours, theirs) = io::pipe()?;
        let order = Order::CallAside { function }.encode();
        if let Err(error) = sys::send_with_fds(self.orders.as_fd(), &order, &[theirs.as_fd()]) {
            tracing::debug!(%error, "the worker is gone");
        }
        drop(theirs);
        let orders = Arc::clone(&self.orders);
        let following = Arc::clone(&slot);
        let follow = move || {
            if let Some(copy) = aside::follow(ours.into(), &following) {
                // If the worker is gone, the supervisor reaps.
                let _ = sys::send(orders.as_fd(), &Order::Reap { copy }.encode());
            }
        };
        if let Err(error) = std::thread::Builder::new()
            .name("cellar-aside".into())
            .spawn(follow)
        {
            slot.report(CallReport::failed(error.to_string()));
        }
        Ok(())
    }

    /// Numbers a run. The word comes before the order, so that an interrupt always finds the run.
    fn begin_run(&mut self, state: &mut State, may_be_interrupted: bool) -> io::Result<u32> {
        let run = self.next_run;
        self.next_run += 1;
        if may_be_interrupted {
            state.running = Some(Running {
                run,
                supervisor: self.supervisor.try_clone()?,
            });
        }
        self.shared
            .words()
            .run
            .store(run::word(run, run::RUNNING), Ordering::SeqCst);
        Ok(run)
    }

    fn start(&mut self, run: u32, origin: Origin, order: &Order) {
        self.presenter.begin();
        self.current = Some(Current {
            run,
            origin,
            since: Instant::now(),
        });
        if let Err(error) = sys::send(self.orders.as_fd(), &order.encode()) {
            // The supervisor is about to tell how the worker died.
            tracing::debug!(%error, "the worker is gone");
        }
    }

    fn load(&mut self, libraries: Libraries) -> io::Result<()> {
        if !self.loaded {
            self.loaded = true;
            let order = Order::Load {
                std: libraries.std,
                runtime: libraries.runtime,
            }
            .encode();
            if let Err(error) = sys::send(self.orders.as_fd(), &order) {
                tracing::debug!(%error, "the worker is gone");
            }
        }
        Ok(())
    }

    /// The current run is over. `alive` says whether there is a worker for the next.
    fn finish(&mut self, report: RunReport, alive: bool) -> io::Result<()> {
        let Some(current) = self.current.take() else {
            return Ok(());
        };
        let to_evcxr = evcxr_protocol::answer(&report);
        let mut state = self.inner.state();
        state.running = None;
        let is_evcxrs = match current.origin {
            Origin::Call { slot, answer } => {
                slot.report(CallReport::of_run(answer, report));
                false
            }
            Origin::Evcxr => {
                state.report.add(report);
                true
            }
            Origin::Kernel => {
                state.report.add(report);
                false
            }
        };
        drop(state);
        self.inner.changed.notify_all();
        if alive && is_evcxrs {
            self.evcxr_out.write_all(&to_evcxr)?;
        }
        Ok(())
    }

    /// Sleeps until something comes. Returns whether to go on.
    fn wait(&mut self, came: bool, more: bool) -> io::Result<bool> {
        // After a burst, a short rest gathers what follows; the end of a run ends it.
        let resting = came && !more;
        if more || !self.records.sleep(resting) {
            return self.look(Some(Duration::ZERO), false);
        }
        let timeout = match resting {
            true => Some(REST),
            false if self.presenter.holds() => Some(HOLD),
            false => None,
        };
        let go_on = self.look(timeout, !resting);
        self.records.awake();
        go_on
    }

    fn look(&mut self, timeout: Option<Duration>, at_pipes: bool) -> io::Result<bool> {
        let [stdout, stderr] = if at_pipes {
            self.pipes.descriptors()
        } else {
            [-1, -1]
        };
        let watched: [RawFd; 6] = [
            self.waker.as_raw_fd(),
            self.inner.waker.as_raw_fd(),
            self.evcxr_in.as_raw_fd(),
            self.supervisor.as_raw_fd(),
            stdout,
            stderr,
        ];
        let mut fds = watched.map(sys::readable);
        sys::poll(&mut fds, timeout)?;
        let ready = |index: usize| fds[index].revents != 0;
        if ready(0) {
            sys::clear(self.waker.as_raw_fd());
        }
        if ready(1) {
            sys::clear(self.inner.waker.as_raw_fd());
            if self.inner.state().shutting_down {
                return Ok(false);
            }
        }
        if ready(3) {
            return self.notice();
        }
        if ready(2) {
            let mut buffer = [0; 4096];
            match sys::read(self.evcxr_in.as_raw_fd(), &mut buffer)? {
                0 => return Ok(false),
                length => self.evcxr_lines.add(&buffer[..length]),
            }
        }
        Ok(true)
    }

    /// The supervisor has something to say, or is gone.
    fn notice(&mut self) -> io::Result<bool> {
        let mut message = [0; SUPERVISOR_MESSAGE];
        let (death, recovered) = match self.supervisor.read_exact(&mut message) {
            Ok(()) => match Notice::decode(&message) {
                Some(Notice::Died { death, recovered }) => (death, recovered),
                _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "no notice")),
            },
            // It was killed itself.
            Err(_) => (Death::Signal(libc::SIGKILL), false),
        };
        // All that the dead worker wrote is there; a child of its may go on writing.
        while !self.records.is_empty() {
            self.drain()?;
        }
        self.pipes.take(self.pipes.waiting(), &mut self.presenter)?;
        if let Some(current) = &self.current {
            let interrupted =
                self.shared.words().run.load(Ordering::SeqCst) == run::word(current.run, run::INTERRUPTED);
            let since = current.since;
            let mut report = self.presenter.finish(Some(death));
            report.interrupted = interrupted;
            report.restored = recovered;
            if report.death.is_some() {
                report.duration = since.elapsed();
            }
            self.finish(report, recovered)?;
        }
        self.presenter.release();
        Ok(recovered)
    }

    /// Lets the process end, and waits until it has.
    pub fn close(mut self) {
        if self.current.is_some() {
            let report = self.presenter.finish(None);
            drop(self.finish(report, false));
        }
        let mut state = self.inner.state();
        state.lost = true;
        state.connected = false;
        state.fail_calls(NO_PROCESS);
        drop(state);
        // evcxr's pipes first: it may be waiting for their end.
        drop(self.evcxr_in);
        drop(self.evcxr_out);
        drop(self.supervisor.shutdown(std::net::Shutdown::Write));
        drop(self.supervisor.set_read_timeout(Some(ENDING)));
        let mut message = [0; SUPERVISOR_MESSAGE];
        while matches!(self.supervisor.read(&mut message), Ok(length) if length > 0) {}
    }
}

fn function(call: Call) -> Function {
    Function {
        library: call.library,
        function: call.function,
        argument: call.argument,
    }
}
