//! The heartbeat channel: an echo. It runs beside everything else, so that it answers while a cell compiles.

use std::time::Duration;

use zeromq::{RepSocket, SocketRecv, SocketSend};

/// Echoes for as long as the process lives.
pub async fn serve(mut socket: RepSocket) {
    loop {
        let echoed = match socket.recv().await {
            Ok(beat) => socket.send(beat).await,
            Err(error) => Err(error),
        };
        if let Err(error) = echoed {
            tracing::debug!(%error, "a heartbeat went unanswered");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
