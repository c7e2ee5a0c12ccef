//! The thread that writes entries, so that no reply waits for a disk.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

type Task = Box<dyn FnOnce() + Send>;

/// How many tasks there are that have not been done.
#[derive(Default)]
struct Open {
    count: Mutex<usize>,
    changed: Condvar,
}

impl Open {
    fn change(&self, by: impl FnOnce(&mut usize)) {
        by(&mut self.count.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }
}

/// Does tasks one after the other.
pub struct Saver {
    tasks: Mutex<Option<Sender<Task>>>,
    open: Arc<Open>,
}

impl Saver {
    /// # Errors
    /// When the system gives no thread.
    pub fn start() -> std::io::Result<Saver> {
        let (tasks, received) = channel::<Task>();
        let open = Arc::new(Open::default());
        let done = Arc::clone(&open);
        std::thread::Builder::new()
            .name("cellar-saver".to_owned())
            .spawn(move || {
                for task in received {
                    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(task)).is_err() {
                        tracing::error!("an entry could not be written: the kernel panicked");
                    }
                    done.change(|count| *count -= 1);
                }
            })?;
        Ok(Saver {
            tasks: Mutex::new(Some(tasks)),
            open,
        })
    }

    /// Does `task` after those that were given before.
    pub fn give(&self, task: impl FnOnce() + Send + 'static) {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(tasks) = tasks.as_ref() else { return };
        self.open.change(|count| *count += 1);
        if tasks.send(Box::new(task)).is_err() {
            self.open.change(|count| *count -= 1);
        }
    }

    /// Waits until everything is done, for at most `patience`. Returns whether it is.
    pub fn wait(&self, patience: Duration) -> bool {
        let count = self.open.count.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, _) = self
            .open
            .changed
            .wait_timeout_while(count, patience, |count| *count > 0)
            .unwrap_or_else(PoisonError::into_inner);
        *count == 0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn tasks_are_done_in_order_and_a_panic_ends_only_its_own() {
        let saver = Saver::start().expect("a thread");
        let done = Arc::new(AtomicUsize::new(0));
        for number in 0..5 {
            let done = Arc::clone(&done);
            saver.give(move || {
                assert_ne!(number, 2, "this one fails");
                assert!(done.fetch_add(1, Ordering::SeqCst) <= number);
            });
        }
        assert!(saver.wait(Duration::from_secs(10)));
        assert_eq!(done.load(Ordering::SeqCst), 4);
    }
}
