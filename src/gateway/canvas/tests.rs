//! The canvas.
