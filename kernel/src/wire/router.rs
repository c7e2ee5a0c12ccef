//! The sockets of the shell, control and stdin channels: a ROUTER that can have two clients with one identity.
//!
//! All clients that a kernel's manager makes share its session, and so the identity of their sockets. libzmq lets a new connection take the
//! identity over and keeps the older one open; the `zeromq` crate closes the older one, whose client connects anew and so throws out the
//! newer, and so on: what is sent meanwhile is lost. Here an identity means the connection that spoke last.

use std::{
    collections::HashMap,
    io,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::{BufMut as _, Bytes, BytesMut};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpListener, UnixListener},
    sync::mpsc,
    time::timeout,
};

use super::{
    connection::{Channel, ConnectionFile},
    zmtp::{self, FromPeer},
};

/// Messages of one client that wait to be written.
const UNSENT: usize = 10_000;
/// Messages of all clients that wait to be taken.
const UNREAD: usize = 1_000;
/// Time for a peer to greet.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Why a message was not sent.
#[derive(Debug, Error)]
pub enum NotSent {
    #[error("the client is gone")]
    Gone,
    #[error("the client takes nothing, and {UNSENT} messages wait for it")]
    Full,
}

/// Sends to clients. Clones are the same socket.
#[derive(Clone)]
pub struct RouterSender {
    routes: Arc<Routes>,
}

/// Receives from all clients.
pub struct RouterReceiver {
    received: mpsc::Receiver<Vec<Bytes>>,
}

/// Listens on a channel's address. Must be called within a runtime.
///
/// # Errors
/// When the address cannot be bound.
pub async fn bind(
    connection: &ConnectionFile,
    channel: Channel,
) -> io::Result<(RouterSender, RouterReceiver)> {
    match connection.ipc_path(channel) {
        Some(path) => bind_ipc(&path),
        None => Ok(bind_tcp(&connection.tcp_address(channel)).await?.1),
    }
}

/// Also returns the port.
async fn bind_tcp(address: &str) -> io::Result<(u16, (RouterSender, RouterReceiver))> {
    let listener = TcpListener::bind(address).await?;
    let port = listener.local_addr()?.port();
    let (accepting, socket) = socket();
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    // A failure costs latency only.
                    let _ = stream.set_nodelay(true);
                    tokio::spawn(accepting.clone().serve(stream));
                }
                Err(error) => pause_after(error).await,
            }
        }
    });
    Ok((port, socket))
}

fn bind_ipc(path: &Path) -> io::Result<(RouterSender, RouterReceiver)> {
    let listener = UnixListener::bind(path)?;
    let (accepting, socket) = socket();
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(tokio::spawn(accepting.clone().serve(stream))),
                Err(error) => pause_after(error).await,
            }
        }
    });
    Ok(socket)
}

async fn pause_after(error: io::Error) {
    tracing::warn!(%error, "a connection could not be accepted");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

fn socket() -> (Accepting, (RouterSender, RouterReceiver)) {
    let routes = Arc::new(Routes::default());
    let (incoming, received) = mpsc::channel(UNREAD);
    let accepting = Accepting {
        routes: Arc::clone(&routes),
        incoming,
    };
    (accepting, (RouterSender { routes }, RouterReceiver { received }))
}

impl RouterReceiver {
    /// The next message: its sender's identity, then what was sent. Waits for ever where nobody can connect any more.
    /// Cancel-safe.
    pub async fn recv(&mut self) -> Vec<Bytes> {
        match self.received.recv().await {
            Some(frames) => frames,
            None => std::future::pending().await,
        }
    }
}

impl RouterSender {
    /// Sends to the client whose identity is the first frame. Never waits.
    ///
    /// # Errors
    /// When the client is gone or takes nothing.
    pub fn send(&self, frames: &[Bytes]) -> Result<(), NotSent> {
        let Some((identity, frames)) = frames.split_first() else {
            return Err(NotSent::Gone);
        };
        let queue = self.routes.queue(identity).ok_or(NotSent::Gone)?;
        queue.try_send(zmtp::encode(frames)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => NotSent::Full,
            mpsc::error::TrySendError::Closed(_) => NotSent::Gone,
        })
    }
}

/// Which connection an identity means.
#[derive(Default)]
struct Routes {
    connections: Mutex<HashMap<Bytes, Connection>>,
    /// Counts connections.
    made: AtomicU32,
}

#[derive(Clone)]
struct Connection {
    number: u32,
    queue: mpsc::Sender<Bytes>,
}

impl Routes {
    fn queue(&self, identity: &Bytes) -> Option<mpsc::Sender<Bytes>> {
        Some(self.lock().get(identity)?.queue.clone())
    }

    fn lead_to(&self, connection: &Connection, identity: &Bytes) {
        let mut connections = self.lock();
        if connections
            .get(identity)
            .is_none_or(|known| known.number != connection.number)
        {
            connections.insert(identity.clone(), connection.clone());
        }
    }

    fn forget(&self, connection: &Connection, identity: &Bytes) {
        let mut connections = self.lock();
        if connections
            .get(identity)
            .is_some_and(|known| known.number == connection.number)
        {
            connections.remove(identity);
        }
    }

    /// Every change under this lock is one call.
    fn lock(&self) -> MutexGuard<'_, HashMap<Bytes, Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What each new connection needs.
#[derive(Clone)]
struct Accepting {
    routes: Arc<Routes>,
    incoming: mpsc::Sender<Vec<Bytes>>,
}

impl Accepting {
    async fn serve<S: AsyncRead + AsyncWrite + Send + 'static>(self, stream: S) {
        let mut stream = Box::pin(stream);
        let peers: [&[u8]; 3] = [b"DEALER", b"REQ", b"ROUTER"];
        let identity = match timeout(HANDSHAKE, zmtp::handshake(&mut stream, b"ROUTER", &peers)).await {
            Ok(Ok(identity)) => identity,
            Ok(Err(error)) => return tracing::debug!(%error, "a connection was turned away"),
            Err(_) => return tracing::debug!("a connection did not greet in time"),
        };
        let number = self.routes.made.fetch_add(1, Ordering::Relaxed);
        let identity = if identity.is_empty() {
            nameless(number)
        } else {
            identity
        };
        let (reader, mut writer) = tokio::io::split(stream);
        let (queue, mut unsent) = mpsc::channel::<Bytes>(UNSENT);
        let writing = tokio::spawn(async move {
            while let Some(message) = unsent.recv().await {
                writer.write_all(&message).await?;
                if unsent.is_empty() {
                    writer.flush().await?;
                }
            }
            io::Result::Ok(())
        });
        let connection = Connection { number, queue };
        self.routes.lead_to(&connection, &identity);
        let mut reader = BufReader::new(reader);
        while let Ok(said) = zmtp::read_message(&mut reader).await {
            match said {
                FromPeer::Message(mut frames) => {
                    self.routes.lead_to(&connection, &identity);
                    frames.insert(0, identity.clone());
                    if self.incoming.send(frames).await.is_err() {
                        break;
                    }
                }
                // Who pings so much that the queue is full waits in vain.
                FromPeer::Ping(context) => drop(connection.queue.try_send(zmtp::pong(&context))),
                FromPeer::Other => {}
            }
        }
        self.routes.forget(&connection, &identity);
        drop(connection);
        // What was sent before the client closed its side is still written, if somebody takes it.
        let _ = timeout(HANDSHAKE, writing).await;
    }
}

/// The identity of a client that has none: as libzmq's, five octets of which the first is 0.
fn nameless(number: u32) -> Bytes {
    let mut identity = BytesMut::with_capacity(5);
    identity.put_u8(0);
    identity.put_u32(number);
    identity.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeromq::{DealerSocket, Socket as _, SocketOptions, SocketRecv as _, SocketSend as _, ZmqMessage};

    /// A socket that answers each message with its own content, and its address.
    async fn echo() -> String {
        let (port, (sender, mut receiver)) = bind_tcp("127.0.0.1:0").await.unwrap();
        tokio::spawn(async move {
            loop {
                let frames = receiver.recv().await;
                // A client that has gone is not answered.
                let _ = sender.send(&frames);
            }
        });
        format!("tcp://127.0.0.1:{port}")
    }

    async fn client(address: &str, identity: Option<&str>) -> DealerSocket {
        let mut options = SocketOptions::default();
        if let Some(identity) = identity {
            options.peer_identity(identity.parse().unwrap());
        }
        let mut socket = DealerSocket::with_options(options);
        socket.connect(address).await.unwrap();
        socket
    }

    async fn ask(client: &mut DealerSocket, text: &str) -> String {
        let question =
            ZmqMessage::try_from(vec![Bytes::from("first"), Bytes::from(text.to_owned())]).unwrap();
        client.send(question).await.unwrap();
        let answer = timeout(Duration::from_secs(10), client.recv())
            .await
            .expect("it is answered")
            .unwrap();
        assert_eq!(answer.get(0).unwrap(), "first");
        String::from_utf8(answer.get(1).unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn two_clients_with_one_identity_are_both_answered_also_when_the_older_goes() {
        let address = echo().await;
        let mut older = client(&address, Some("same")).await;
        assert_eq!(ask(&mut older, "1").await, "1");
        let mut newer = client(&address, Some("same")).await;
        for turn in 0..20 {
            assert_eq!(ask(&mut newer, &format!("n{turn}")).await, format!("n{turn}"));
            assert_eq!(ask(&mut older, &format!("o{turn}")).await, format!("o{turn}"));
        }
        drop(older);
        for turn in 0..20 {
            assert_eq!(ask(&mut newer, &format!("m{turn}")).await, format!("m{turn}"));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn clients_without_an_identity_are_told_apart() {
        let address = echo().await;
        let (mut one, mut other) = (client(&address, None).await, client(&address, None).await);
        assert_eq!(ask(&mut one, "1").await, "1");
        assert_eq!(ask(&mut other, "2").await, "2");
        assert_eq!(ask(&mut one, "3").await, "3");
    }

    #[tokio::test]
    async fn large_messages_pass() {
        let address = echo().await;
        let mut client = client(&address, None).await;
        let text = "x".repeat(5 << 20);
        assert_eq!(ask(&mut client, &text).await, text);
    }

    #[tokio::test]
    async fn who_is_not_there_cannot_be_written_to() {
        let (_, (sender, _receiver)) = bind_tcp("127.0.0.1:0").await.unwrap();
        let frames = [Bytes::from("nobody"), Bytes::from("text")];
        assert!(matches!(sender.send(&frames), Err(NotSent::Gone)));
    }
}
