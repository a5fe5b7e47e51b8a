//! Verdicts and suggestions over claims.
