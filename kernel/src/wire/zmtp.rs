//! ZMTP 3.0, the protocol under ZeroMQ, as far as our sockets need it: greeting, NULL handshake,
//! frames (RFC 23).

use std::io::{Error, ErrorKind, Result};

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;

/// Subscribers send topics and commands only; nothing of theirs is longer than this, in bytes.
const LONGEST_FRAME: u64 = 64 * 1024;
/// Frames of requests are no longer than this, in bytes.
const LONGEST_REQUEST: u64 = 1 << 30;
/// Room that a frame gets before any of it has come, in bytes.
const FIRST_ROOM: u64 = 64 * 1024;

/// What a subscriber says after the handshake.
#[derive(Debug, PartialEq, Eq)]
pub enum FromSubscriber {
    Subscribe(Bytes),
    Cancel(Bytes),
    /// To be answered with a `PONG` that carries this context.
    Ping(Bytes),
    Other,
}

/// What a peer that talks with us says after the handshake.
#[derive(Debug, PartialEq, Eq)]
pub enum FromPeer {
    /// The frames of a message.
    Message(Vec<Bytes>),
    /// To be answered with a `PONG` that carries this context.
    Ping(Bytes),
    Other,
}

/// Greets a connecting peer as a socket of the type `ours`, makes sure that its type is one of `theirs`, and
/// returns its identity, which may be empty.
pub async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    ours: &[u8],
    theirs: &[&[u8]],
) -> Result<Bytes> {
    let peers = theirs;
    stream.write_all(&greeting()).await?;
    let mut theirs = [0; 64];
    stream.read_exact(&mut theirs).await?;
    if theirs[0] != 0xff || theirs[9] != 0x7f || theirs[10] < 3 {
        return Err(invalid("the peer does not speak ZMTP 3"));
    }
    if &theirs[12..17] != b"NULL\0" {
        return Err(invalid(
            "the peer wants a security mechanism; only NULL is supported",
        ));
    }
    stream.write_all(&ready(ours)).await?;
    let (flags, body) = read_frame(stream, LONGEST_FRAME).await?;
    let (name, properties) = command(&body).ok_or_else(|| invalid("the peer sent no READY"))?;
    if flags & COMMAND == 0 || name != b"READY" {
        return Err(invalid("the peer sent no READY"));
    }
    match property(properties, b"Socket-Type") {
        Some(kind) if peers.contains(&kind) => {}
        _ => return Err(invalid("the peer's socket is of a type that does not fit")),
    }
    let identity = property(properties, b"Identity").unwrap_or_default();
    Ok(Bytes::copy_from_slice(identity))
}

/// The next thing a subscriber says. Not cancel-safe: poll it to its end.
pub async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Result<FromSubscriber> {
    let (flags, body) = read_frame(stream, LONGEST_FRAME).await?;
    if flags & COMMAND != 0 {
        return Ok(match command(&body) {
            Some((b"SUBSCRIBE", topic)) => FromSubscriber::Subscribe(body.slice_ref(topic)),
            Some((b"CANCEL", topic)) => FromSubscriber::Cancel(body.slice_ref(topic)),
            // Two octets of time to live come before the context.
            Some((b"PING", rest)) => FromSubscriber::Ping(body.slice_ref(rest.get(2..).unwrap_or_default())),
            _ => FromSubscriber::Other,
        });
    }
    Ok(match body.first() {
        Some(1) => FromSubscriber::Subscribe(body.slice(1..)),
        Some(0) => FromSubscriber::Cancel(body.slice(1..)),
        _ => FromSubscriber::Other,
    })
}

/// The next thing that a peer which talks with us says. Not cancel-safe: poll it to its end.
pub async fn read_message<S: AsyncRead + Unpin>(stream: &mut S) -> Result<FromPeer> {
    let mut frames = Vec::new();
    loop {
        let (flags, body) = read_frame(stream, LONGEST_REQUEST).await?;
        if flags & COMMAND != 0 {
            if !frames.is_empty() {
                return Err(invalid("the peer sent a command within a message"));
            }
            return Ok(match command(&body) {
                Some((b"PING", rest)) => FromPeer::Ping(body.slice_ref(rest.get(2..).unwrap_or_default())),
                _ => FromPeer::Other,
            });
        }
        frames.push(body);
        if flags & MORE == 0 {
            return Ok(FromPeer::Message(frames));
        }
    }
}

/// A multipart message as it goes over the wire.
pub fn encode(frames: &[Bytes]) -> Bytes {
    let size = frames.iter().map(|frame| frame.len() + 9).sum();
    let mut out = BytesMut::with_capacity(size);
    for (index, frame) in frames.iter().enumerate() {
        put_frame(&mut out, if index + 1 < frames.len() { MORE } else { 0 }, frame);
    }
    out.freeze()
}

/// The answer to a `PING`.
pub fn pong(context: &[u8]) -> Bytes {
    let mut body = BytesMut::from(&b"\x04PONG"[..]);
    body.extend_from_slice(context);
    let mut out = BytesMut::new();
    put_frame(&mut out, COMMAND, &body);
    out.freeze()
}

fn greeting() -> [u8; 64] {
    let mut out = [0; 64];
    out[0] = 0xff;
    out[9] = 0x7f;
    out[10] = 3;
    out[12..16].copy_from_slice(b"NULL");
    out
}

fn ready(socket_type: &[u8]) -> Bytes {
    let mut body = BytesMut::from(&b"\x05READY"[..]);
    for (name, value) in [(&b"Socket-Type"[..], socket_type), (b"Identity", b"")] {
        body.put_u8(name.len() as u8);
        body.extend_from_slice(name);
        body.put_u32(value.len() as u32);
        body.extend_from_slice(value);
    }
    let mut out = BytesMut::new();
    put_frame(&mut out, COMMAND, &body);
    out.freeze()
}

fn put_frame(out: &mut BytesMut, flags: u8, body: &[u8]) {
    match u8::try_from(body.len()) {
        Ok(length) => {
            out.put_u8(flags);
            out.put_u8(length);
        }
        Err(_) => {
            out.put_u8(flags | LONG);
            out.put_u64(body.len() as u64);
        }
    }
    out.extend_from_slice(body);
}

async fn read_frame<S: AsyncRead + Unpin>(stream: &mut S, longest: u64) -> Result<(u8, Bytes)> {
    let flags = stream.read_u8().await?;
    let length = match flags & LONG {
        0 => u64::from(stream.read_u8().await?),
        _ => stream.read_u64().await?,
    };
    if length > longest {
        return Err(invalid("the peer sent a frame that is longer than any should be"));
    }
    // A length is only a promise: memory is taken as octets come.
    let mut body = Vec::with_capacity(length.min(FIRST_ROOM) as usize);
    stream.take(length).read_to_end(&mut body).await?;
    if (body.len() as u64) < length {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok((flags, Bytes::from(body)))
}

/// Splits a command into its name and the rest.
fn command(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = body.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

fn property<'a>(mut properties: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    loop {
        let (name, rest) = command(properties)?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (value, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        if name.eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        properties = rest;
    }
}

fn invalid(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_short_and_long_forms() {
        assert_eq!(
            &encode(&[Bytes::from("ab"), Bytes::new()])[..],
            b"\x01\x02ab\x00\x00"
        );
        let long = encode(&[Bytes::from(vec![7; 256])]);
        assert_eq!(&long[..9], b"\x02\0\0\0\0\0\0\x01\0");
        assert_eq!(long.len(), 265);
    }

    #[tokio::test]
    async fn subscriptions_are_read_in_both_notations() {
        let mut input = &b"\x00\x02\x01a\x00\x01\x00\x04\x0c\x09SUBSCRIBEab\x04\x08\x04PING\0\x09c"[..];
        assert_eq!(
            read(&mut input).await.unwrap(),
            FromSubscriber::Subscribe(Bytes::from("a"))
        );
        assert_eq!(
            read(&mut input).await.unwrap(),
            FromSubscriber::Cancel(Bytes::new())
        );
        assert_eq!(
            read(&mut input).await.unwrap(),
            FromSubscriber::Subscribe(Bytes::from("ab"))
        );
        assert_eq!(
            read(&mut input).await.unwrap(),
            FromSubscriber::Ping(Bytes::from("c"))
        );
        assert!(read(&mut input).await.is_err());
    }

    #[tokio::test]
    async fn a_peer_that_is_no_subscriber_is_turned_away() {
        let (mut ours, mut theirs) = tokio::io::duplex(4096);
        theirs
            .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: a browser that lost its way\r\n")
            .await
            .unwrap();
        assert!(handshake(&mut ours, b"XPUB", &[b"SUB"]).await.is_err());
    }

    #[tokio::test]
    async fn messages_are_read_whole() {
        let mut input = &b"\x01\x01a\x00\x00\x04\x08\x04PING\0\x09c\x02\0\0\0\0\0\0\0\x01b\x01\x01a"[..];
        let message =
            |frames: &[&'static str]| FromPeer::Message(frames.iter().copied().map(Bytes::from).collect());
        assert_eq!(read_message(&mut input).await.unwrap(), message(&["a", ""]));
        assert_eq!(
            read_message(&mut input).await.unwrap(),
            FromPeer::Ping(Bytes::from("c"))
        );
        assert_eq!(read_message(&mut input).await.unwrap(), message(&["b"]));
        assert!(read_message(&mut input).await.is_err(), "it ends in the middle");
    }

    #[tokio::test]
    async fn absurd_lengths_are_refused() {
        let absurd = &b"\x02\xff\xff\xff\xff\xff\xff\xff\xff"[..];
        assert!(read(&mut &absurd[..]).await.is_err());
        assert!(read_message(&mut &absurd[..]).await.is_err());
    }
}
