//! From an event to the receivers of webhooks: fan-out, scheduler, workers, outcome writer.

pub mod attempt;
mod concurrency;
pub mod fan_out;
pub mod lane;
pub mod lane_query;
pub mod lane_store;
pub mod outcome_writer;
pub mod refusals;
pub mod request;
pub mod retry_schedule;
pub mod scheduler;
pub mod slow_hosts;
pub mod store;
pub mod worker;
