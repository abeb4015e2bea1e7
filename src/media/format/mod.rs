//! The formats of files: what is in them, and how they are made into what phones take. Works on bytes alone, and trusts none of them:
//! every length is checked, every loop is bounded by the size of the file, and what is wrong is refused with a reason.

pub mod refusal;

pub mod number;
pub mod reading;

pub mod kind;

pub mod gif;
pub mod jpeg;
pub mod png;
pub mod webp;

pub mod pixels;

pub mod picture;
pub mod sticker;
pub mod thumbnail;

pub mod ogg;
pub mod opus;
pub mod voice;
pub mod waveform;

pub mod mp4;
pub mod sound;

pub mod look;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
pub mod sample;
