//! The way of an event from the journal to the receivers of webhooks.
//!
//! ```text
//! journal ──> fan-out ──delivery rows, lanes──> scheduler ──leases──> workers ──POST──> receivers
//!             (1 thread)                        (1 thread)            (1 task per lane)
//!                                                   ^                     │ attempts, released lanes
//!                                                   └── outcome writer <──┘
//!                                                       (1 thread)
//! ```
//!
//! A *lane* is what one webhook gets of one session ([`lane`]), and one worker at a time works it. In an ordered lane, a delivery
//! that failed holds up those behind it until it is delivered or given up; in the lanes of a webhook that is not `is_ordered` it
//! holds up none. Lanes do not wait for each other.
//!
//! # Who does what
//!
//! 1. [`fan_out`] reads the events behind its bookmark, which is the position up to which it has read and a row of the database:
//!    from memory while they are recent and from the table otherwise, and never beyond what the disk has. For each webhook that
//!    wants an event it writes a pending delivery. It never posts.
//! 2. [`scheduler`] looks for lanes that are due and takes a lease on as many as there are permits for (`concurrency`: some are for
//!    prompt receivers, more for slow ones). It reads their webhooks and next deliveries, for all of them at once, and starts a
//!    worker for each. It never posts, and what it searches are lanes, not deliveries: a hundred thousand that wait behind one
//!    dead receiver are one row to it.
//! 3. [`worker`] holds the lease on one lane. It posts what is due, at most 16 deliveries and for at most two seconds, through
//!    the guarded client (`egress`); [`request`] says with which body, headers and signatures. It decides what comes of each
//!    attempt: delivered, tried again ([`retry_schedule`] says when), or given up. It writes no delivery itself. When it has made
//!    its run, it reports that the lane is released.
//! 4. [`outcome_writer`] writes what workers report, for many lanes in one transaction. It decides nothing.
//!
//! # What is written in which transaction
//!
//! - The deliveries of some events, the lanes that they make due, and the bookmark: together, so no event is fanned out twice.
//! - The leases of some lanes: one statement.
//! - Attempts, the states of their deliveries, what they say of the webhook's health, and the lanes that were released: together.
//!   A release is submitted behind the attempts of its run, and so is mostly written with them.
//! - A lane whose webhook is off, or that could not be worked: its worker releases it by itself, in one statement.
//! - A webhook that is switched off, and the event that says so: one entry of the journal.
//!
//! Only the last of these waits for the disk. Every transaction locks webhooks first, then deliveries, then lanes, and lanes by
//! webhook and session: with any other order PostgreSQL would have to end one of two transactions that wait for each other.
//!
//! # What a crash leaves
//!
//! | The process ends | The database has | The next process |
//! | --- | --- | --- |
//! | before the deliveries of an event are committed | the event, and a bookmark before it | reads on from the bookmark |
//! | before the lane is leased | a pending delivery in a lane that is due | finds the lane |
//! | before or after the POST | the same, in a lane that is leased | ends all leases at its start and posts, perhaps again |
//! | once the outcome is committed | the outcome | goes on from there |
//!
//! A power cut can also take back the last of the transactions that did not wait for the disk; then it is as if the process had ended
//! before them. So a receiver may get an event twice, in order where the lane is ordered, and none is lost. Twice it has the same
//! `webhook-id`, which is the event's id. A delivery's own id is for the API only: one that is written anew has another.
//!
//! # Who wakes whom
//!
//! - The journal's flusher wakes the fan-out: the newest position changed.
//! - What a worker reports wakes the outcome writer, which waits a few milliseconds for more.
//! - The fan-out wakes the scheduler when it has written deliveries, and the [cleanup](crate::webhook::cleanup) when it has seen
//!   that a session was deleted.
//! - A worker wakes the scheduler when it ends, if its lane has more or a lane may wait for its permit, and when it hands back a
//!   permit for prompt receivers.
//! - The [service](crate::webhook::Webhooks) wakes the scheduler when a webhook was changed, or a delivery was asked for again.
//! - All of them also look by themselves, when the next lane is due and now and then. A wake that is lost costs time only.
//!
//! # What keeps it right
//!
//! - *Nothing goes to where a webhook was.* Each change of a webhook raises a number
//!   ([`Demand::version`](crate::event::demand::Demand::version)) once it is committed. A worker compares it before each post, and
//!   reads the webhook again if it has changed.
//! - *Order.* A lane is in the order of the journal's positions, which grow whatever the clock does. A failed attempt is written
//!   before anything else happens in its lane; a successful one need not be, since after a crash both would come again in order.
//! - *One worker per lane.* A lease ends by being released, or with the process: its successor ends all leases at the start. Only
//!   who holds a lease can release the lane. A lane that is leased although nobody works it, since an answer of the database was
//!   lost or a worker panicked, is told from the others by what [`lane`] knows to be under way.
//! - *Slow receivers take nothing from prompt ones.* A worker whose receiver takes longer than a second moves to a permit for slow
//!   receivers, of which there are more. [`slow_hosts`] remembers which hosts are slow, so that a thousand webhooks at one dead
//!   host wait for it once.

pub mod fan_out;
pub mod scheduler;
pub mod worker;

pub mod outcome_writer;

pub mod attempt;
pub mod dead_letter_store;
pub mod lane;
pub mod lane_query;
pub mod lane_store;
pub mod refusals;
pub mod request;
pub mod retry_schedule;
pub mod slow_hosts;
pub mod store;

mod concurrency;
