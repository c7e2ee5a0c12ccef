//! Cells that wait for their turn.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

/// First in, first out, between the shell channel and the thread that runs cells.
pub struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    waiting: VecDeque<T>,
    closed: bool,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                closed: false,
            }),
            changed: Condvar::new(),
        }
    }
}

impl<T> Queue<T> {
    /// Puts something at the end; gives it back when the queue is closed.
    pub fn push(&self, item: T) -> Result<(), T> {
        let mut state = self.lock();
        if state.closed {
            return Err(item);
        }
        state.waiting.push_back(item);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes the first, waiting until there is one; `None` when the queue is closed.
    pub fn pop(&self) -> Option<T> {
        let state = self.lock();
        let mut state = self
            .changed
            .wait_while(state, |state| state.waiting.is_empty() && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        state.waiting.pop_front()
    }

    /// Takes everything that waits now.
    pub fn take_all(&self) -> VecDeque<T> {
        std::mem::take(&mut self.lock().waiting)
    }

    /// Lets nothing more in; gives back what waited.
    pub fn close(&self) -> VecDeque<T> {
        let mut state = self.lock();
        state.closed = true;
        self.changed.notify_all();
        std::mem::take(&mut state.waiting)
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_in_first_out_until_it_is_closed() {
        let queue = Queue::default();
        queue.push(1).unwrap();
        queue.push(2).unwrap();
        assert_eq!(queue.pop(), Some(1));
        queue.push(3).unwrap();
        assert_eq!(queue.close(), [2, 3]);
        assert_eq!((queue.pop(), queue.push(4)), (None, Err(4)));
    }

    #[test]
    fn aborting_takes_only_what_waits_already() {
        let queue = Queue::default();
        queue.push("queued").unwrap();
        assert_eq!(queue.take_all(), ["queued"]);
        queue.push("later").unwrap();
        assert_eq!(queue.pop(), Some("later"));
    }

    #[test]
    fn who_waits_is_woken_by_an_item_and_by_the_end() {
        let queue = Queue::default();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| (queue.pop(), queue.pop()));
            queue.push(7).unwrap();
            while !queue.lock().waiting.is_empty() {
                std::thread::yield_now();
            }
            queue.close();
            assert_eq!(waiting.join().unwrap(), (Some(7), None));
        });
    }
}
