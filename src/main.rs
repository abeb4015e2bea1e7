//! The program: parses the line and runs the command.

use std::process::ExitCode;

use clap::Parser;
use tikv_jemallocator::Jemalloc;
use waypost::command;
use waypost::config::command_line::CommandLine;

/// A message's memory is taken on one thread and given back on another, of which the system's allocator makes more work than of
/// the message.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    command::run(CommandLine::parse())
}
