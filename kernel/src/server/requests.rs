//! What every request is answered with. The shell and control channels understand the same requests;
//! only cells are the shell's alone.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::{interpreter::Completeness, wire::Message};

use super::{
    Kernel,
    execution::{Job, abort},
    history::Query,
    kernel_info,
    lifetime::Stop,
    outbox::Outbox,
};

/// Answers a request, or sees to it that it will be answered. Never blocks: whatever takes time is done elsewhere.
pub fn handle(kernel: &Arc<Kernel>, outbox: &Outbox, request: Message) {
    if request.msg_type == "execute_request" {
        // Busy when it is its turn, as clients expect.
        if let Err(job) = kernel.queue.push(Job {
            request,
            outbox: outbox.clone(),
        }) {
            abort(kernel, &job);
        }
        return;
    }
    let busy = kernel.iopub.busy(&request.header);
    let at_once = match request.msg_type.as_str() {
        "kernel_info_request" => kernel_info::reply(),
        "comm_info_request" => kernel.comms.info(request.text("target_name")),
        "connect_request" => json!({ "status": "ok" }),
        "comm_open" => return kernel.comms.open(&request),
        "comm_msg" => return kernel.comms.message(&request),
        "comm_close" => return kernel.comms.close(&request),
        "shutdown_request" => {
            // Received until the very end, so that the sender is there.
            let _ = kernel.stop.send(Stop::Request {
                request: Box::new(request),
                outbox: outbox.clone(),
                busy,
            });
            return;
        }
        "debug_request" => debug_reply(&request),
        "interrupt_request"
        | "complete_request"
        | "inspect_request"
        | "is_complete_request"
        | "history_request" => {
            let (kernel, outbox) = (Arc::clone(kernel), outbox.clone());
            tokio::task::spawn_blocking(move || {
                // Moved in, so that idle follows the reply, also when the interpreter panics.
                let _busy = busy;
                let answered = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    answer_slowly(&kernel, &request)
                }));
                let content = answered.unwrap_or_else(|panic| {
                    let what = super::execution::panic_text(&*panic);
                    tracing::error!(what, request = request.msg_type, "the interpreter panicked");
                    error("KernelPanic", &format!("the kernel itself panicked: {what}"))
                });
                outbox.reply(&request, &content);
            });
            return;
        }
        other if other.ends_with("_request") => {
            tracing::debug!(msg_type = other, "an unknown request");
            error("UnknownRequest", &format!("this kernel does not know `{other}`"))
        }
        other => return tracing::debug!(msg_type = other, "an unknown message was ignored"),
    };
    outbox.reply(&request, &at_once);
}

fn answer_slowly(kernel: &Kernel, request: &Message) -> Value {
    match request.msg_type.as_str() {
        "interrupt_request" => {
            kernel.interrupt();
            json!({ "status": "ok" })
        }
        "complete_request" => complete(kernel, request),
        "inspect_request" => inspect(kernel, request),
        "is_complete_request" => is_complete(kernel, request),
        _ => json!({ "status": "ok", "history": kernel.history.ask(Query::from_request(request)) }),
    }
}

fn complete(kernel: &Kernel, request: &Message) -> Value {
    let code = request.text("code");
    let found = kernel.interpreter.complete(code, cursor(request, code));
    let matches: Vec<&str> = found
        .matches
        .iter()
        .map(|completion| completion.text.as_str())
        .collect();
    let typed: Vec<Value> = found
        .matches
        .iter()
        .map(|completion| {
            json!({
                "start": found.start,
                "end": found.end,
                "text": completion.text,
                "type": completion.kind,
                "signature": completion.signature.as_deref().unwrap_or_default(),
            })
        })
        .collect();
    json!({
        "status": "ok",
        "matches": matches,
        "cursor_start": found.start,
        "cursor_end": found.end,
        "metadata": { "_jupyter_types_experimental": typed },
    })
}

fn inspect(kernel: &Kernel, request: &Message) -> Value {
    let code = request.text("code");
    let detail = u8::from(request.number("detail_level").unwrap_or(0) > 0);
    let data = kernel.interpreter.inspect(code, cursor(request, code), detail);
    json!({
        "status": "ok",
        "found": data.is_some(),
        "data": data.unwrap_or_default(),
        "metadata": Map::new(),
    })
}

fn is_complete(kernel: &Kernel, request: &Message) -> Value {
    match kernel.interpreter.is_complete(request.text("code")) {
        Completeness::Complete => json!({ "status": "complete" }),
        Completeness::Incomplete { indent } => json!({ "status": "incomplete", "indent": indent }),
        Completeness::Invalid => json!({ "status": "invalid" }),
    }
}

/// The cursor in code points, within the code; at its end when the request names none.
fn cursor(request: &Message, code: &str) -> usize {
    let end = code.chars().count();
    match request.number("cursor_pos") {
        Some(position) => usize::try_from(position).unwrap_or(0).min(end),
        None => end,
    }
}

/// An answer in the debug adapter protocol's form, and an error in Jupyter's.
fn debug_reply(request: &Message) -> Value {
    let mut content = error("NotSupported", "this kernel has no debugger");
    content["type"] = json!("response");
    content["success"] = json!(false);
    content["message"] = json!("this kernel has no debugger");
    content["command"] = request.content.get("command").cloned().unwrap_or_default();
    content["request_seq"] = request.content.get("seq").cloned().unwrap_or_default();
    content
}

fn error(ename: &str, evalue: &str) -> Value {
    json!({ "status": "error", "ename": ename, "evalue": evalue, "traceback": [] })
}
