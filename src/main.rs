//! The program: parses the line and runs the command.

use std::process::ExitCode;

use clap::Parser;
use waypost::command;
use waypost::config::CommandLine;

fn main() -> ExitCode {
    command::run(CommandLine::parse())
}
