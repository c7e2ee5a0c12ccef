//! The thread that runs cells, one after the other.

use std::{
    any::Any,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use chrono::{SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use crate::{
    interpreter::{CellError, ExecuteOutcome, ExecuteRequest, Frontend},
    wire::Message,
};

use super::{
    Kernel,
    frontend::{CellFrontend, Flusher},
    outbox::Outbox,
    shell::Settle,
};

/// Time for requests that a client sent in one burst to come through, before it is decided which of them a
/// failed cell aborts.
const BURST: Duration = Duration::from_millis(2);

/// An `execute_request` in the queue.
pub struct Job {
    pub request: Message,
    /// Where its reply goes.
    pub outbox: Outbox,
}

/// Starts the thread. The receiver tells when it has ended.
///
/// # Errors
/// When the system gives no thread.
pub fn start(kernel: Arc<Kernel>, settle: Settle) -> std::io::Result<oneshot::Receiver<()>> {
    let (ended, end) = oneshot::channel();
    let flusher = Flusher::start()?;
    std::thread::Builder::new()
        .name("cellar-cells".to_owned())
        .spawn(move || {
            let executor = Executor {
                kernel,
                settle,
                flusher,
            };
            while let Some(job) = executor.kernel.queue.pop() {
                executor.run(job);
            }
            drop(executor);
            // Nobody may be left to hear it.
            let _ = ended.send(());
        })?;
    Ok(end)
}

struct Executor {
    kernel: Arc<Kernel>,
    settle: Settle,
    flusher: Flusher,
}

impl Executor {
    fn run(&self, job: Job) {
        let request = Arc::new(job.request);
        let busy = self.kernel.iopub.busy(&request.header);
        let started = Utc::now();
        let cell = cell_of(&request, self.kernel.executed.load(Ordering::SeqCst) + 1);
        let counted = !cell.silent && request.flag("store_history", true) && !cell.code.trim().is_empty();
        if counted {
            self.kernel.executed.store(cell.execution_count, Ordering::SeqCst);
            self.kernel.history.record(cell.execution_count, &cell.code);
        }
        if !cell.silent {
            let content = json!({ "code": cell.code, "execution_count": cell.execution_count });
            self.kernel
                .iopub
                .output("execute_input", &request.header, &content);
        }
        let (silent, count) = (cell.silent, cell.execution_count);

        let frontend = CellFrontend::new(
            Arc::clone(&self.kernel),
            Arc::clone(&request),
            count,
            silent,
            self.flusher.clone(),
        );
        self.kernel.comms.cell_began(&request.header);
        let outcome = self.execute(cell, &frontend);
        self.kernel.comms.cell_ended();
        frontend.flush();
        if let Some(result) = frontend.take_result().filter(|_| counted) {
            self.kernel.history.record_output(count, &result);
        }

        let mut content = json!({
            "status": "ok",
            "execution_count": count,
            "user_expressions": outcome.user_expressions,
            "payload": outcome.payload,
        });
        let mut metadata = outcome.metadata;
        metadata.entry("started").or_insert_with(|| {
            // Clients that record timings take it from here.
            Value::String(started.to_rfc3339_opts(SecondsFormat::Micros, true))
        });
        let failed = outcome.error.is_some();
        if let Some(CellError {
            ename,
            evalue,
            traceback,
        }) = outcome.error
        {
            let error = json!({ "ename": ename, "evalue": evalue, "traceback": traceback });
            self.kernel.iopub.output("error", &request.header, &error);
            content["status"] = json!("error");
            content["ename"] = json!(ename);
            content["evalue"] = json!(evalue);
            content["traceback"] = json!(traceback);
        }
        // Decided before the reply: what a client sends after it has seen the reply is to be run.
        let aborted = if failed && !silent && request.flag("stop_on_error", true) {
            self.wait_for_burst();
            self.kernel.queue.take_all()
        } else {
            Default::default()
        };
        job.outbox.reply_with(&request, &content, &metadata);
        drop(busy);
        for job in aborted {
            abort(&self.kernel, &job);
        }
    }

    fn execute(&self, cell: ExecuteRequest, frontend: &Arc<CellFrontend>) -> ExecuteOutcome {
        let shown: Arc<dyn Frontend> = Arc::clone(frontend) as _;
        catch_unwind(AssertUnwindSafe(|| self.kernel.interpreter.execute(cell, shown))).unwrap_or_else(
            |panic| {
                let what = panic_text(&*panic);
                tracing::error!(what, "the interpreter panicked");
                let error = CellError {
                    ename: "KernelPanic".to_owned(),
                    evalue: format!("the kernel itself panicked while it ran this cell: {what}"),
                    traceback: vec![
                        format!(
                            "\u{1b}[31mThe kernel itself panicked while it ran this cell:\u{1b}[0m {what}"
                        ),
                        "This is a defect of Cellar, not of the cell. The kernel goes on; if later cells \
                         behave oddly, restart it."
                            .to_owned(),
                    ],
                };
                ExecuteOutcome {
                    error: Some(error),
                    ..ExecuteOutcome::default()
                }
            },
        )
    }

    fn wait_for_burst(&self) {
        std::thread::sleep(BURST);
        let (settled, queued) = oneshot::channel();
        if self.settle.blocking_send(settled).is_ok() {
            // An error means that the kernel is ending and nothing more is received.
            let _ = queued.blocking_recv();
        }
    }
}

/// Answers a request that is not to be run any more.
pub fn abort(kernel: &Kernel, job: &Job) {
    let busy = kernel.iopub.busy(&job.request.header);
    // Without a count: JupyterLab would write it beside a cell that did not run.
    job.outbox.reply(&job.request, &json!({"status": "aborted"}));
    drop(busy);
}

fn cell_of(request: &Message, execution_count: u32) -> ExecuteRequest {
    let user_expressions = match request.content.get("user_expressions") {
        Some(Value::Object(expressions)) => texts(expressions),
        _ => BTreeMap::new(),
    };
    ExecuteRequest {
        code: request.text("code").to_owned(),
        execution_count,
        silent: request.flag("silent", false),
        user_expressions,
        allow_stdin: request.flag("allow_stdin", true),
        cell_id: request
            .metadata
            .get("cellId")
            .and_then(Value::as_str)
            .map(str::to_owned),
        metadata: request.metadata.clone(),
    }
}

fn texts(map: &Map<String, Value>) -> BTreeMap<String, String> {
    let text = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
    map.iter().filter_map(text).collect()
}

/// What a panic said.
pub fn panic_text(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        return (*text).to_owned();
    }
    panic
        .downcast_ref::<String>()
        .cloned()
        .unwrap_or_else(|| "(no message)".to_owned())
}
