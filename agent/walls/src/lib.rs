//! Takes rights away from a process: capabilities, system calls, files, resources.
