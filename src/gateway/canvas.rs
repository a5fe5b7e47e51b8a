//! The canvas host: static files of the instance's own canvas folder.
