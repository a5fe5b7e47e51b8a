//! Carries a plan out as one transaction.
