//! The stdin channel: lines that a cell asks the client for.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc as std_mpsc},
    time::Duration,
};

use bytes::Bytes;
use serde_json::{Map, json};
use tokio::sync::mpsc;

use crate::{
    interpreter::InputError,
    wire::{
        Envelope, Message, Session, Signer,
        router::{RouterReceiver, RouterSender},
    },
};

use super::{Kernel, shell::accept};

/// What Jupyter's clients send for an end of file.
const END_OF_FILE: &str = "\u{4}";
/// A client connects its channels one after the other: the stdin channel may come last.
const CONNECTING: (u32, Duration) = (20, Duration::from_millis(50));

/// Receives for as long as the process lives.
pub async fn serve(mut socket: RouterReceiver, signer: Signer, kernel: Arc<Kernel>) {
    loop {
        let received = socket.recv().await;
        match accept("stdin", received, &signer) {
            Some(message) if message.msg_type == "input_reply" => kernel.input.answer(&message),
            Some(message) => tracing::warn!(msg_type = message.msg_type, "unexpected on stdin; dropped"),
            None => {}
        }
    }
}

/// Brings together the cell that asks and the client that answers: one question at a time.
pub struct InputBroker {
    questions: mpsc::UnboundedSender<Question>,
    session: Arc<Session>,
    /// Held by who asks, so that others wait for their turn.
    turn: Mutex<()>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    waiting: Option<Waiting>,
    /// Counts interrupts, so that who waits for the turn notices one.
    cancelled: u64,
}

struct Waiting {
    msg_id: String,
    identities: Vec<Bytes>,
    answer: std_mpsc::Sender<Result<String, InputError>>,
}

struct Question {
    msg_id: String,
    frames: Vec<Bytes>,
}

impl InputBroker {
    /// Must be called within the runtime that is to send the questions.
    pub fn new(socket: RouterSender, session: Arc<Session>) -> Self {
        let (questions, waiting) = mpsc::unbounded_channel();
        let state = Arc::new(Mutex::new(State::default()));
        tokio::spawn(send_questions(socket, waiting, Arc::clone(&state)));
        Self {
            questions,
            session,
            turn: Mutex::new(()),
            state,
        }
    }

    /// Asks the client that sent `request` and blocks until it answers.
    pub fn ask(&self, request: &Message, prompt: &str, password: bool) -> Result<String, InputError> {
        let cancelled_before = lock(&self.state).cancelled;
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let (encoded, msg_id) = self.session.encode_with_id(&Envelope {
            msg_type: "input_request",
            parent: &request.header,
            metadata: &Map::new(),
            content: &json!({ "prompt": prompt, "password": password }),
            buffers: &[],
        });
        let mut frames = request.identities.clone();
        frames.extend(encoded);
        let (answer, answered) = std_mpsc::channel();
        {
            let mut state = lock(&self.state);
            if state.cancelled != cancelled_before {
                return Err(InputError::Interrupted);
            }
            state.waiting = Some(Waiting {
                msg_id: msg_id.clone(),
                identities: request.identities.clone(),
                answer,
            });
        }
        if self.questions.send(Question { msg_id, frames }).is_err() {
            return Err(InputError::Closed);
        }
        answered.recv().unwrap_or(Err(InputError::Closed))
    }

    /// Takes a client's answer. One to an earlier question, or to none, is dropped.
    fn answer(&self, reply: &Message) {
        let mut state = lock(&self.state);
        let fits = state.waiting.as_ref().is_some_and(|waiting| {
            waiting.identities == reply.identities
                // jupyter_client's own `input` sends no parent.
                && reply.parent_id().is_none_or(|parent| parent == waiting.msg_id)
        });
        if !fits {
            return tracing::debug!("an input_reply came too late and was dropped");
        }
        let line = match reply.text("value") {
            END_OF_FILE => Err(InputError::Closed),
            line => Ok(line.to_owned()),
        };
        resolve(&mut state, line);
    }

    /// Wakes whoever waits for input, or for the turn to ask.
    pub fn cancel(&self) {
        let mut state = lock(&self.state);
        state.cancelled += 1;
        resolve(&mut state, Err(InputError::Interrupted));
    }
}

fn resolve(state: &mut State, line: Result<String, InputError>) {
    if let Some(waiting) = state.waiting.take() {
        // Who asked waits for exactly this.
        let _ = waiting.answer.send(line);
    }
}

async fn send_questions(
    socket: RouterSender,
    mut questions: mpsc::UnboundedReceiver<Question>,
    state: Arc<Mutex<State>>,
) {
    while let Some(question) = questions.recv().await {
        if send_question(&socket, &question, &state).await {
            continue;
        }
        tracing::debug!("nobody is there to be asked for input");
        let mut state = lock(&state);
        if is_open(&state, &question) {
            resolve(&mut state, Err(InputError::NotAllowed));
        }
    }
}

async fn send_question(socket: &RouterSender, question: &Question, state: &Mutex<State>) -> bool {
    let (attempts, pause) = CONNECTING;
    for _ in 0..attempts {
        if !is_open(&lock(state), question) {
            return true;
        }
        if socket.send(&question.frames).is_ok() {
            return true;
        }
        tokio::time::sleep(pause).await;
    }
    false
}

fn is_open(state: &State, question: &Question) -> bool {
    state
        .waiting
        .as_ref()
        .is_some_and(|waiting| waiting.msg_id == question.msg_id)
}

/// Every change under this lock is one assignment.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
