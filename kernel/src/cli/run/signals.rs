//! The signals that end a run: Ctrl-C, SIGTERM, and the terminal that goes away.

use std::sync::mpsc::Sender;

use super::executor::Event;

/// A signal by its number, of which the exit status is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal(pub u8);

impl Signal {
    /// Ctrl-C.
    pub const INTERRUPT: Signal = Signal(2);

    /// The status that shells expect of a program which a signal ended.
    pub fn exit_status(self) -> u8 {
        128 + self.0
    }

    pub fn name(self) -> &'static str {
        match self.0 {
            1 => "the terminal was closed",
            2 => "Ctrl-C",
            15 => "SIGTERM",
            _ => "a signal",
        }
    }
}

/// From now on signals no longer end the process but are told to `events`.
///
/// # Errors
/// When the system refuses; signals then end the process as ever.
pub fn listen(events: Sender<Event>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (ready, is_ready) = std::sync::mpsc::channel();
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                let mut signals = match Signals::new() {
                    Ok(signals) => signals,
                    Err(error) => return drop(ready.send(Err(error))),
                };
                drop(ready.send(Ok(())));
                while let Some(signal) = signals.next().await {
                    if events.send(Event::Signal(signal)).is_err() {
                        return;
                    }
                }
            });
        })?;
    is_ready
        .recv()
        .unwrap_or_else(|_| Err(std::io::Error::other("the thread for signals ended")))
}

#[cfg(unix)]
struct Signals {
    hangup: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Option<Signal> {
        tokio::select! {
            came = self.hangup.recv() => came.map(|()| Signal(1)),
            came = self.interrupt.recv() => came.map(|()| Signal::INTERRUPT),
            came = self.terminate.recv() => came.map(|()| Signal(15)),
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Signals> {
        Ok(Signals)
    }

    async fn next(&mut self) -> Option<Signal> {
        tokio::signal::ctrl_c().await.ok().map(|()| Signal::INTERRUPT)
    }
}
