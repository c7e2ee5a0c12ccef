//! The socket of the iopub channel: an XPUB on which every subscriber has its own queue.
//!
//! The `zeromq` crate's XPUB writes to one subscriber after the other and does not tell which one
//! it waits for, so a single stopped client silences the kernel for everybody, and nothing says when a
//! message has left the process. Its PUB counts messages, not bytes, and hides subscriptions. Here:
//!
//! - [`Publisher::publish`] never waits. Who produces much takes a [`Permit`] of the [`Budget`] first;
//!   it is held until the last subscriber has been written to, and so a slow client slows the producer.
//! - A subscriber that takes nothing for [`LAG`] is *lagging*: its queue holds no permits, so that nobody
//!   waits for it. When it goes on reading, it gets everything; when its queue passes [`BACKLOG`], it is
//!   dropped (and ZeroMQ clients connect anew).
//! - A new subscription is answered to that subscriber alone, before anything else reaches it.

use std::{
    collections::VecDeque,
    io,
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, UnixListener},
    sync::Notify,
    task::JoinHandle,
    time::{Instant, timeout, timeout_at},
};

use super::zmtp::{self, FromSubscriber};

/// After this long without progress a subscriber slows nobody down any more. libzmq clients stop reading
/// while their program works off its backlog, so pauses of a second are ordinary.
const LAG: Duration = Duration::from_secs(3);
/// Bytes that wait for a lagging subscriber before it is dropped.
const BACKLOG: usize = 128 << 20;
/// Time for a peer to greet.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Answers a subscription to a topic with messages.
pub type Welcome = dyn Fn(&[u8]) -> Vec<Vec<Bytes>> + Send + Sync;

/// The publishing socket. Clones are the same socket.
#[derive(Clone)]
pub struct Publisher {
    inner: Arc<Inner>,
}

struct Inner {
    peers: Mutex<Vec<Arc<Peer>>>,
    welcome: Box<Welcome>,
}

impl Publisher {
    pub fn new(welcome: Box<Welcome>) -> Self {
        Self {
            inner: Arc::new(Inner {
                peers: Mutex::default(),
                welcome,
            }),
        }
    }

    /// Listens on a TCP address; returns the port.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind_tcp(&self, address: &str) -> io::Result<u16> {
        let listener = TcpListener::bind(address).await?;
        let port = listener.local_addr()?.port();
        let publisher = self.clone();
        tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        // A failure costs latency only.
                        let _ = stream.set_nodelay(true);
                        tokio::spawn(publisher.clone().serve(stream));
                    }
                    Err(error) => pause_after(error).await,
                }
            }
        });
        Ok(port)
    }

    /// Listens on a socket file, which must not exist.
    ///
    /// # Errors
    /// When the file cannot be bound.
    pub fn bind_ipc(&self, path: &Path) -> io::Result<()> {
        let listener = UnixListener::bind(path)?;
        let publisher = self.clone();
        tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => drop(tokio::spawn(publisher.clone().serve(stream))),
                    Err(error) => pause_after(error).await,
                }
            }
        });
        Ok(())
    }

    /// Sends a message to everybody who subscribed to a prefix of its first frame. Never waits.
    pub fn publish(&self, frames: &[Bytes], permit: Option<Permit>) {
        let Some(topic) = frames.first() else { return };
        let mut peers = lock(&self.inner.peers);
        if !peers.iter().any(|peer| peer.wants(topic)) {
            return;
        }
        let item = Item {
            bytes: zmtp::encode(frames),
            permit: permit.map(Arc::new),
        };
        peers.retain(|peer| !peer.wants(topic) || peer.push(item.clone()));
    }

    /// Waits until everything published has been handed to the system, but not for subscribers that
    /// take nothing, and at most `limit`. Nothing can be published afterwards.
    pub async fn close(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let peers = std::mem::take(&mut *lock(&self.inner.peers));
        for peer in &peers {
            peer.finish();
        }
        for peer in peers {
            let writer = lock(&peer.writer).take();
            if let Some(writer) = writer {
                // Past the deadline or with the peer gone there is nothing left to save.
                let _ = timeout_at(deadline, writer).await;
            }
        }
    }

    async fn serve<S: AsyncRead + AsyncWrite + Send + 'static>(self, stream: S) {
        let mut stream = Box::pin(stream);
        match timeout(
            HANDSHAKE,
            zmtp::handshake(&mut stream, b"XPUB", &[b"SUB", b"XSUB"]),
        )
        .await
        {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return tracing::debug!(%error, "a connection to iopub was turned away"),
            Err(_) => return tracing::debug!("a connection to iopub did not greet in time"),
        }
        let (mut reader, writer) = tokio::io::split(stream);
        let peer = Arc::new(Peer::default());
        *lock(&peer.writer) = Some(tokio::spawn(write_queue(Arc::clone(&peer), writer)));
        lock(&self.inner.peers).push(Arc::clone(&peer));
        loop {
            // `read` is not cancel-safe, and need not be: when it is cancelled, the connection ends.
            let said = tokio::select! {
                said = zmtp::read(&mut reader) => said,
                () = peer.dropped.notified() => break,
            };
            let Ok(said) = said else { break };
            match said {
                FromSubscriber::Subscribe(topic) => self.subscribe(&peer, topic),
                FromSubscriber::Cancel(topic) => peer.cancel(&topic),
                FromSubscriber::Ping(context) => {
                    peer.push(Item {
                        bytes: zmtp::pong(&context),
                        permit: None,
                    });
                }
                FromSubscriber::Other => {}
            }
        }
        lock(&self.inner.peers).retain(|other| !Arc::ptr_eq(other, &peer));
        peer.abandon();
    }

    fn subscribe(&self, peer: &Peer, topic: Bytes) {
        // Holding the list keeps others from publishing between the welcome and the subscription.
        let _peers = lock(&self.inner.peers);
        for frames in (self.inner.welcome)(&topic) {
            peer.push(Item {
                bytes: zmtp::encode(&frames),
                permit: None,
            });
        }
        lock(&peer.state).topics.push(topic);
    }
}

async fn pause_after(error: io::Error) {
    tracing::warn!(%error, "iopub could not accept a connection");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

#[derive(Clone)]
struct Item {
    bytes: Bytes,
    permit: Option<Arc<Permit>>,
}

#[derive(Default)]
struct Peer {
    state: Mutex<PeerState>,
    changed: Notify,
    /// Tells the reading half to let go of the connection.
    dropped: Notify,
    writer: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct PeerState {
    topics: Vec<Bytes>,
    queue: VecDeque<Item>,
    queued_bytes: usize,
    lagging: bool,
    finishing: bool,
    gone: bool,
}

impl Peer {
    fn wants(&self, topic: &[u8]) -> bool {
        lock(&self.state)
            .topics
            .iter()
            .any(|prefix| topic.starts_with(prefix))
    }

    fn cancel(&self, topic: &[u8]) {
        let mut state = lock(&self.state);
        if let Some(index) = state.topics.iter().position(|have| have == topic) {
            state.topics.swap_remove(index);
        }
    }

    /// Queues an item; `false` when the peer is to be forgotten.
    fn push(&self, mut item: Item) -> bool {
        let mut state = lock(&self.state);
        if state.gone {
            return false;
        }
        if state.lagging {
            item.permit = None;
            if state.queued_bytes + item.bytes.len() > BACKLOG {
                tracing::warn!("a client that takes no output was dropped; it can connect again");
                drop(state);
                self.abandon();
                return false;
            }
        }
        state.queued_bytes += item.bytes.len();
        state.queue.push_back(item);
        drop(state);
        self.changed.notify_one();
        true
    }

    async fn next(&self) -> Option<Item> {
        loop {
            {
                let mut state = lock(&self.state);
                if let Some(item) = state.queue.pop_front() {
                    state.queued_bytes -= item.bytes.len();
                    return Some(item);
                }
                if state.finishing || state.gone {
                    return None;
                }
            }
            self.changed.notified().await;
        }
    }

    fn set_lagging(&self, lagging: bool) {
        let mut state = lock(&self.state);
        state.lagging = lagging;
        if lagging {
            for item in &mut state.queue {
                item.permit = None;
            }
        }
    }

    fn finish(&self) {
        lock(&self.state).finishing = true;
        self.changed.notify_one();
    }

    /// Gives the peer up, with all that was queued for it.
    fn abandon(&self) {
        let mut state = lock(&self.state);
        state.gone = true;
        state.queue.clear();
        state.queued_bytes = 0;
        drop(state);
        self.dropped.notify_one();
        if let Some(writer) = lock(&self.writer).take() {
            writer.abort();
        }
    }
}

async fn write_queue<W: AsyncWrite + Unpin>(peer: Arc<Peer>, mut writer: W) {
    while let Some(item) = peer.next().await {
        if let Err(error) = write_item(&peer, &mut writer, item).await {
            tracing::debug!(%error, "a subscriber is gone");
            let mut state = lock(&peer.state);
            state.gone = true;
            state.queue.clear();
            drop(state);
            peer.dropped.notify_one();
            return;
        }
    }
    // Tells the peer that no more comes, behind what was written.
    let _ = writer.shutdown().await;
}

async fn write_item<W: AsyncWrite + Unpin>(peer: &Peer, writer: &mut W, mut item: Item) -> io::Result<()> {
    let mut lagging = false;
    let mut rest = &item.bytes[..];
    while !rest.is_empty() {
        // `write` can be cancelled: then it has written nothing.
        let written = match timeout(LAG, writer.write(rest)).await {
            Ok(written) => written?,
            Err(_) => {
                if !lagging {
                    lagging = true;
                    item.permit = None;
                    peer.set_lagging(true);
                }
                continue;
            }
        };
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        rest = &rest[written..];
        if lagging {
            lagging = false;
            peer.set_lagging(false);
        }
    }
    Ok(())
}

/// How many bytes of output may be on their way at once. Clones are the same budget.
#[derive(Clone)]
pub struct Budget {
    inner: Arc<BudgetInner>,
}

struct BudgetInner {
    limit: usize,
    used: Mutex<usize>,
    freed: Condvar,
}

impl Budget {
    pub fn new(limit: usize) -> Self {
        Self {
            inner: Arc::new(BudgetInner {
                limit,
                used: Mutex::new(0),
                freed: Condvar::new(),
            }),
        }
    }

    /// Takes `bytes` of the budget, blocking the thread until they are free. What is larger than the
    /// whole budget gets its turn when nothing else is on its way.
    pub fn take(&self, bytes: usize) -> Permit {
        let used = lock(&self.inner.used);
        let mut used = self
            .inner
            .freed
            .wait_while(used, |used| *used > 0 && *used + bytes > self.inner.limit)
            .unwrap_or_else(PoisonError::into_inner);
        *used += bytes;
        Permit {
            budget: self.clone(),
            bytes,
        }
    }
}

/// A part of a [`Budget`], given back when dropped.
pub struct Permit {
    budget: Budget,
    bytes: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        *lock(&self.budget.inner.used) -= self.bytes;
        self.budget.inner.freed.notify_all();
    }
}

/// The data under these locks is whole at every step, also where a holder panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeromq::{Socket, SocketRecv};

    async fn publisher() -> (Publisher, String) {
        let publisher = Publisher::new(Box::new(|topic| {
            vec![vec![Bytes::copy_from_slice(topic), Bytes::from("welcome")]]
        }));
        let port = publisher.bind_tcp("127.0.0.1:0").await.unwrap();
        (publisher, format!("tcp://127.0.0.1:{port}"))
    }

    async fn subscriber(address: &str) -> zeromq::SubSocket {
        let mut socket = zeromq::SubSocket::new();
        socket.connect(address).await.unwrap();
        socket.subscribe("").await.unwrap();
        let welcome = socket.recv().await.unwrap();
        assert_eq!(welcome.get(1).unwrap(), "welcome");
        socket
    }

    #[tokio::test]
    async fn each_subscriber_is_welcomed_alone_and_gets_everything_in_order() {
        let (publisher, address) = publisher().await;
        let mut first = subscriber(&address).await;
        publisher.publish(&[Bytes::from("t"), Bytes::from("1")], None);
        let mut second = subscriber(&address).await;
        publisher.publish(&[Bytes::from("t"), Bytes::from(vec![b'2'; 70_000])], None);
        assert_eq!(first.recv().await.unwrap().get(1).unwrap(), "1");
        assert_eq!(first.recv().await.unwrap().get(1).unwrap().len(), 70_000);
        assert_eq!(second.recv().await.unwrap().get(1).unwrap().len(), 70_000);
    }

    #[tokio::test]
    async fn closing_loses_nothing() {
        let (publisher, address) = publisher().await;
        let mut client = subscriber(&address).await;
        for number in 0..5000 {
            publisher.publish(&[Bytes::from("t"), Bytes::from(format!("{number:01000}"))], None);
        }
        let reading = tokio::spawn(async move {
            for _ in 0..4999 {
                client.recv().await.unwrap();
            }
            client.recv().await.unwrap()
        });
        publisher.close(Duration::from_secs(20)).await;
        let last = reading.await.unwrap();
        assert!(last.get(1).unwrap().ends_with(b"4999"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_does_not_read_delays_the_others_only_until_it_is_seen_to_lag() {
        let (publisher, address) = publisher().await;
        // A subscriber that greets and subscribes and then never reads.
        let mut stopped = tokio::net::TcpStream::connect(address.trim_start_matches("tcp://"))
            .await
            .unwrap();
        let mut greeting = [0; 64];
        (greeting[0], greeting[9], greeting[10]) = (0xff, 0x7f, 3);
        greeting[12..16].copy_from_slice(b"NULL");
        stopped.write_all(&greeting).await.unwrap();
        stopped
            .write_all(b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03SUB")
            .await
            .unwrap();
        stopped.write_all(b"\x00\x01\x01").await.unwrap();
        let mut client = subscriber(&address).await;
        let budget = Budget::new(1 << 20);
        let producer = std::thread::spawn({
            let publisher = publisher.clone();
            move || {
                for _ in 0..300 {
                    let permit = budget.take(100_000);
                    publisher.publish(
                        &[Bytes::from("t"), Bytes::from(vec![b'x'; 100_000])],
                        Some(permit),
                    );
                }
            }
        });
        for _ in 0..300 {
            assert_eq!(client.recv().await.unwrap().get(1).unwrap().len(), 100_000);
        }
        producer.join().unwrap();
        drop(stopped);
    }

    #[test]
    fn a_budget_blocks_until_something_is_given_back() {
        let budget = Budget::new(10);
        let first = budget.take(8);
        let waiting = std::thread::spawn({
            let budget = budget.clone();
            move || drop(budget.take(100))
        });
        assert!(!waiting.is_finished());
        drop(first);
        waiting.join().unwrap();
    }
}
