//! Random text as users of rand write it, and random bytes as fast as its generator draws them.
#![forbid(unsafe_code)]

use rand::distr::Alphanumeric;
use rand::rngs::ChaCha12Rng;
use rand::{Rng, RngExt, SeedableRng};
use rayon::prelude::*;

type Key = [u8; 32];

/// Bytes per stream: a piece of work for a thread.
const BLOCK: usize = 1 << 20;

pub fn alphanumeric(length: usize) -> String {
    let letters = rand::rng().sample_iter(Alphanumeric).take(length);
    letters.map(char::from).collect()
}

pub fn chacha(buffer: &mut [u8]) {
    let key = rand::random();
    for (stream, block) in buffer.chunks_mut(BLOCK).enumerate() {
        fill_block(&key, stream, block);
    }
}

pub fn chacha_parallel(buffer: &mut [u8]) {
    let key = rand::random();
    let blocks = buffer.par_chunks_mut(BLOCK).enumerate();
    blocks.for_each(|(stream, block)| fill_block(&key, stream, block));
}

/// Fills a block from a stream of its own, so that it needs no other block.
fn fill_block(key: &Key, stream: usize, block: &mut [u8]) {
    let mut generator = ChaCha12Rng::from_seed(*key);
    generator.set_stream(stream as u64);
    generator.fill_bytes(block);
}
