//! The journal's thread: one SQLite connection, a queue of work, and one commit for what waits.
//!
//! ```text
//!  callers ─▶ queue ─▶ BEGIN · [savepoint · work · release or roll back]* · COMMIT (synced) ─▶ answers
//! ```
//!
//! Nobody is answered before the commit of the group his work was in is on disk. Work that fails is
//! rolled back alone; a commit that fails is the failure of everyone in the group.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use crate::error::StoreError;

/// The handle to the journal's thread. Dropping it ends the thread and closes the journal.
#[derive(Debug)]
pub(crate) struct Journal {
    queue: Option<Sender<Box<dyn Work>>>,
    thread: Option<JoinHandle<()>>,
}

impl Journal {
    /// Gives the connection its thread.
    pub(crate) fn start(connection: Connection) -> Result<Journal, StoreError> {
        let (queue, waiting) = channel();
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || serve(&connection, &waiting))
            .map_err(StoreError::file(
                "start a thread for",
                std::path::Path::new("the journal"),
            ))?;
        Ok(Journal {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Does `work` in a transaction and waits until it is on disk.
    ///
    /// Must not be called from within such work: the thread would wait for itself.
    pub(crate) fn run<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, answered) = sync_channel(1);
        self.enqueue(Box::new(Asked {
            work: Some(work),
            result: None,
            answer,
        }));
        answered
            .recv()
            .unwrap_or_else(|_| Err(StoreError::Stopped.into()))
    }

    /// Leaves `work` to be done and does not wait; `after` follows once it is on disk. A failure is
    /// logged as that of `what`.
    pub(crate) fn post(
        &self,
        what: &'static str,
        work: impl FnOnce(&Connection) -> Result<(), StoreError> + Send + 'static,
        after: impl FnOnce() + Send + 'static,
    ) {
        self.enqueue(Box::new(Posted {
            what,
            work: Some(work),
            result: Err(StoreError::Stopped),
            after,
        }));
    }

    fn enqueue(&self, work: Box<dyn Work>) {
        if let Some(queue) = &self.queue {
            // A stopped thread drops the work, and with it the sender its caller listens to.
            let _ = queue.send(work);
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // The lock is released after this: the next process finds the journal closed.
            let _ = thread.join();
        }
    }
}

/// Most units of work that share a commit: bounds how long the first of them waits.
const GROUP: usize = 64;

fn serve(connection: &Connection, waiting: &Receiver<Box<dyn Work>>) {
    while let Ok(first) = waiting.recv() {
        let mut group = vec![first];
        let begun = connection.execute_batch("BEGIN IMMEDIATE");
        let committed = begun.and_then(|()| {
            let mut done = 0;
            while let Some(work) = group.get_mut(done) {
                work.work(connection);
                done += 1;
                if connection.is_autocommit() {
                    // A full disk makes SQLite roll back everything: nobody in the group has anything,
                    // and nothing more may be done outside a transaction.
                    return Err(taken_along());
                }
                if group.len() < GROUP
                    && let Ok(next) = waiting.try_recv()
                {
                    group.push(next);
                }
            }
            crate::crash::point("journal.before-commit");
            connection.execute_batch("COMMIT")
        });
        let committed = committed.map_err(Arc::new);
        if committed.is_err() && !connection.is_autocommit() {
            // Nothing of a failed commit may be seen by the next group.
            let _ = connection.execute_batch("ROLLBACK");
        }
        crate::crash::point("journal.after-commit");
        for work in group {
            work.answer(&committed);
        }
    }
}

/// One unit of work in the queue.
trait Work: Send {
    /// Does it, within the open transaction.
    fn work(&mut self, connection: &Connection);
    /// Tells its caller, after the commit.
    fn answer(self: Box<Self>, committed: &Result<(), Arc<rusqlite::Error>>);
}

struct Asked<F, T, E> {
    work: Option<F>,
    result: Option<Result<T, E>>,
    answer: SyncSender<Result<T, E>>,
}

impl<F, T, E> Work for Asked<F, T, E>
where
    F: FnOnce(&Connection) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn work(&mut self, connection: &Connection) {
        self.result = self.work.take().map(|work| in_savepoint(connection, work));
    }

    fn answer(self: Box<Self>, committed: &Result<(), Arc<rusqlite::Error>>) {
        let failed = || {
            committed
                .as_ref()
                .err()
                .map(|source| commit_failed(source).into())
        };
        let result = match (self.result, failed()) {
            (Some(Err(error)), _) => Err(error),
            (_, Some(error)) => Err(error),
            (Some(result), None) => result,
            (None, None) => Err(StoreError::Stopped.into()),
        };
        // The caller waits in `run`; it cannot have gone.
        let _ = self.answer.send(result);
    }
}

struct Posted<F, A> {
    what: &'static str,
    work: Option<F>,
    result: Result<(), StoreError>,
    after: A,
}

impl<F, A> Work for Posted<F, A>
where
    F: FnOnce(&Connection) -> Result<(), StoreError> + Send,
    A: FnOnce() + Send,
{
    fn work(&mut self, connection: &Connection) {
        if let Some(work) = self.work.take() {
            self.result = in_savepoint(connection, work);
        }
    }

    fn answer(self: Box<Self>, committed: &Result<(), Arc<rusqlite::Error>>) {
        let result = committed
            .as_ref()
            .map_err(commit_failed)
            .copied()
            .and(self.result);
        match result {
            Ok(()) => (self.after)(),
            Err(error) => tracing::error!(
                what = self.what,
                %error,
                "The journal could not record the end of an attempt; the next attempt or start sets it right."
            ),
        }
    }
}

fn taken_along() -> rusqlite::Error {
    let why = "another entry of the same commit failed and took this one along";
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT);
    rusqlite::Error::SqliteFailure(code, Some(why.to_owned()))
}

fn commit_failed(source: &Arc<rusqlite::Error>) -> StoreError {
    StoreError::Journal {
        doing: "commit",
        source: Arc::clone(source),
    }
}

fn in_savepoint<T, E: From<StoreError>>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T, E> {
    let control = |sql: &str| {
        connection.execute_batch(sql).map_err(|error| {
            // What can be neither kept nor undone alone is undone with the whole group.
            let _ = connection.execute_batch("ROLLBACK");
            StoreError::journal("write")(error)
        })
    };
    control("SAVEPOINT work")?;
    match work(connection) {
        Ok(value) => {
            control("RELEASE work")?;
            Ok(value)
        }
        Err(error) => {
            // The first error is the one to tell.
            let _ = control("ROLLBACK TO work; RELEASE work");
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn journal() -> Journal {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE t (n INTEGER UNIQUE)")
            .unwrap();
        Journal::start(connection).unwrap()
    }

    fn insert(journal: &Journal, n: i64) -> Result<(), StoreError> {
        journal.run(move |connection| {
            connection
                .execute("INSERT INTO t VALUES (?1)", [n])
                .map(drop)
                .map_err(StoreError::journal("write"))
        })
    }

    fn count(journal: &Journal) -> i64 {
        journal
            .run(|connection| {
                connection
                    .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
                    .map_err(StoreError::journal("read"))
            })
            .unwrap()
    }

    #[test]
    fn rolls_back_failed_work_alone() {
        let journal = journal();
        insert(&journal, 1).unwrap();
        let failed: Result<(), StoreError> = journal.run(|connection| {
            connection.execute("INSERT INTO t VALUES (2)", []).unwrap();
            Err(StoreError::NoPartner("X".to_owned()))
        });
        assert!(matches!(failed, Err(StoreError::NoPartner(_))));
        assert!(matches!(
            insert(&journal, 1),
            Err(StoreError::Journal { .. })
        ));
        insert(&journal, 3).unwrap();
        assert_eq!(count(&journal), 2);
    }

    #[test]
    fn answers_every_caller_when_many_wait() {
        let journal = Arc::new(journal());
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                let journal = Arc::clone(&journal);
                std::thread::spawn(move || {
                    for n in 0..50 {
                        insert(&journal, thread * 1000 + n).unwrap();
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert_eq!(count(&journal), 400);
    }

    #[test]
    fn does_posted_work_in_order_and_its_sequel_only_after_success() {
        let journal = journal();
        let sequels = Arc::new(AtomicU32::new(0));
        for n in [1, 1, 2] {
            let sequels = Arc::clone(&sequels);
            journal.post(
                "a test",
                move |connection| {
                    connection
                        .execute("INSERT INTO t VALUES (?1)", [n])
                        .map(drop)
                        .map_err(StoreError::journal("write"))
                },
                move || {
                    sequels.fetch_add(1, Ordering::SeqCst);
                },
            );
        }
        assert_eq!(count(&journal), 2);
        drop(journal);
        assert_eq!(sequels.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn says_that_it_stopped_when_its_thread_is_gone() {
        let journal = journal();
        let gone: Result<(), StoreError> = journal.run(|_| panic!("the thread dies"));
        assert!(matches!(gone, Err(StoreError::Stopped)));
        assert!(matches!(insert(&journal, 1), Err(StoreError::Stopped)));
    }
}
