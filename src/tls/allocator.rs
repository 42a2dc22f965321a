//! Where OpenSSL's memory comes from.
//!
//! A handshake asks for well over a thousand blocks, and with the C library's allocator they take a
//! twentieth of its time. The OpenSSL that is compiled in can have another one, mimalloc, because
//! nobody else has blocks of it. The system's OpenSSL is left as it is: the rest of the process uses
//! it, too.
//!
//! mimalloc gives each thread a heap of its own, which is quick, and some hundred KiB before it pays.
//! For the few threads of an event loop or a pool that is little; for a server with a thread for each
//! connection it would be most of what a connection takes. So a limited number of threads have one,
//! and the others go on with the C library's allocator. In front of each block stands whose it is.

/// Has OpenSSL take its memory from mimalloc, if it is compiled in and the feature `mimalloc` is
/// on. Must come before all else that is done with OpenSSL, which refuses once it has given out a
/// block.
///
/// Returns whether OpenSSL has agreed.
///
/// OpenSSL: `CRYPTO_set_mem_functions`.
#[doc(alias = "CRYPTO_set_mem_functions")]
pub fn install() -> bool {
    #[cfg(all(feature = "mimalloc", openssl_compiled_in))]
    // SAFETY: the three make up one allocator, and are there for as long as the process. OpenSSL
    // changes to it only while there is no block of another.
    unsafe {
        mimalloc::settle();
        super::sys::CRYPTO_set_mem_functions(
            Some(mimalloc::allocate),
            Some(mimalloc::reallocate),
            Some(mimalloc::free),
        ) == 1
    }
    #[cfg(not(all(feature = "mimalloc", openssl_compiled_in)))]
    false
}

#[cfg(all(feature = "mimalloc", openssl_compiled_in))]
mod mimalloc {
    use std::cell::Cell;
    use std::ffi::{c_char, c_int, c_void};
    use std::ptr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use libmimalloc_sys::{mi_free, mi_malloc, mi_option_set, mi_realloc, mi_usable_size};

    /// How many threads have a heap of their own at a time.
    const HEAPS: usize = 16;

    /// The room in front of a block: as much as keeps it aligned for anything.
    const HEADER: usize = 16;

    /// The option `mi_option_arena_reserve`: its place among those of `mi_option_e` in mimalloc.h.
    const ARENA_RESERVE: c_int = 23;

    /// Has mimalloc ask the system for 64 MiB of addresses at a time. By itself it begins with 1 GiB,
    /// which would use up what a process with a limit may have.
    pub(super) fn settle() {
        // SAFETY: sets a number, which is in KiB.
        unsafe { mi_option_set(ARENA_RESERVE, 64 * 1024) }
    }

    /// Who has made a block, as its header says.
    #[derive(Clone, Copy, Debug, Eq, PartialEq)]
    #[repr(u8)]
    enum Owner {
        Undecided,
        Mimalloc,
        CLibrary,
    }

    static TAKEN: AtomicUsize = AtomicUsize::new(0);

    thread_local! {
        /// Who makes this thread's blocks.
        static OWNER: Cell<Owner> = const { Cell::new(Owner::Undecided) };
        static PLACE: Place = const { Place };
    }

    /// One of the [`HEAPS`], for as long as its thread lives.
    struct Place;

    impl Drop for Place {
        fn drop(&mut self) {
            // OpenSSL may clean up behind it.
            OWNER.set(Owner::CLibrary);
            TAKEN.fetch_sub(1, Ordering::Relaxed);
        }
    }

    #[inline]
    fn owner() -> Owner {
        match OWNER.get() {
            Owner::Undecided => decide(),
            owner => owner,
        }
    }

    /// When a thread asks for the first time.
    #[cold]
    fn decide() -> Owner {
        let taken = TAKEN.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
            (taken < HEAPS).then_some(taken + 1)
        });
        let owner = if taken.is_err() {
            Owner::CLibrary
        } else if PLACE.try_with(|_| ()).is_err() {
            TAKEN.fetch_sub(1, Ordering::Relaxed);
            Owner::CLibrary
        } else {
            Owner::Mimalloc
        };
        OWNER.set(owner);
        owner
    }

    /// Writes the header, and answers the block behind it.
    ///
    /// # Safety
    ///
    /// `whole` is null, or has room for a header.
    unsafe fn behind_header(whole: *mut c_void, owner: Owner) -> *mut c_void {
        if whole.is_null() {
            return whole;
        }
        // SAFETY: the caller's promise.
        unsafe {
            whole.cast::<Owner>().write(owner);
            whole.byte_add(HEADER)
        }
    }

    // OpenSSL passes the file and line that ask: of no use here. For no bytes it expects no block.

    pub(super) unsafe extern "C" fn allocate(
        size: usize,
        _file: *const c_char,
        _line: c_int,
    ) -> *mut c_void {
        let (1.., Some(whole)) = (size, size.checked_add(HEADER)) else { return ptr::null_mut() };
        let owner = owner();
        // SAFETY: both take any size, and a header is part of this one.
        unsafe {
            if owner == Owner::Mimalloc {
                let made = mi_malloc(whole);
                if !made.is_null() {
                    return behind_header(made, owner);
                }
                // It asks the system for more at a time than a limit may leave.
            }
            behind_header(libc::malloc(whole), Owner::CLibrary)
        }
    }

    pub(super) unsafe extern "C" fn reallocate(
        block: *mut c_void,
        size: usize,
        file: *const c_char,
        line: c_int,
    ) -> *mut c_void {
        // SAFETY: `block` is null or of these functions, by OpenSSL's contract; so there is a header
        // in front, and each block goes back to who has made it. What is copied is within both.
        unsafe {
            if block.is_null() {
                return allocate(size, file, line);
            }
            if size == 0 {
                free(block, file, line);
                return ptr::null_mut();
            }
            let Some(whole) = size.checked_add(HEADER) else { return ptr::null_mut() };
            let old = block.byte_sub(HEADER);
            let maker = old.cast::<Owner>().read();
            if maker == Owner::CLibrary {
                return behind_header(libc::realloc(old, whole), maker);
            }
            // Where there is no heap, mimalloc would make one.
            if owner() == Owner::Mimalloc {
                let moved = mi_realloc(old, whole);
                if !moved.is_null() {
                    return behind_header(moved, maker);
                }
            }
            let moved = behind_header(libc::malloc(whole), Owner::CLibrary);
            if !moved.is_null() {
                let kept = size.min(mi_usable_size(old) - HEADER);
                ptr::copy_nonoverlapping(block.cast::<u8>(), moved.cast(), kept);
                mi_free(old);
            }
            moved
        }
    }

    pub(super) unsafe extern "C" fn free(block: *mut c_void, _file: *const c_char, _line: c_int) {
        if block.is_null() {
            return;
        }
        // SAFETY: as above.
        unsafe {
            let whole = block.byte_sub(HEADER);
            match whole.cast::<Owner>().read() {
                Owner::Mimalloc => mi_free(whole),
                _ => libc::free(whole),
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use std::sync::Barrier;
        use std::thread;

        use super::*;
        use crate::tls::memory::borrowed;

        /// A block of so many bytes, all the same.
        fn filled(size: usize) -> *mut c_void {
            // SAFETY: the block has the size.
            unsafe {
                let block = allocate(size, ptr::null(), 0);
                assert!(!block.is_null());
                assert_eq!(block as usize % HEADER, 0);
                block.cast::<u8>().write_bytes(7, size);
                block
            }
        }

        fn maker(block: *mut c_void) -> Owner {
            // SAFETY: there is a header in front of each block.
            unsafe { block.byte_sub(HEADER).cast::<Owner>().read() }
        }

        #[test]
        fn no_bytes_no_block() {
            // SAFETY: the block is freed once, by `reallocate`.
            unsafe {
                assert!(allocate(0, ptr::null(), 0).is_null());
                assert!(reallocate(ptr::null_mut(), 0, ptr::null(), 0).is_null());
                assert!(reallocate(filled(10), 0, ptr::null(), 0).is_null());
                free(ptr::null_mut(), ptr::null(), 0);
            }
        }

        #[test]
        fn more_than_there_is_is_refused() {
            // SAFETY: nothing is allocated; the block stays as it was, and is freed.
            unsafe {
                assert!(allocate(usize::MAX, ptr::null(), 0).is_null());
                let block = filled(10);
                assert!(reallocate(block, usize::MAX, ptr::null(), 0).is_null());
                assert_eq!(borrowed(block.cast(), 10), [7; 10]);
                free(block, ptr::null(), 0);
            }
        }

        #[test]
        fn threads_beyond_the_limit_use_the_c_library() {
            const THREADS: usize = HEAPS * 2;
            let all_there = Barrier::new(THREADS);
            let heaps = AtomicUsize::new(0);
            thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        let block = filled(100);
                        heaps.fetch_add(
                            usize::from(maker(block) == Owner::Mimalloc),
                            Ordering::Relaxed,
                        );
                        all_there.wait();
                        // SAFETY: its last use.
                        unsafe { free(block, ptr::null(), 0) };
                    });
                }
            });
            assert!((1..=HEAPS).contains(&heaps.into_inner()));
        }

        #[test]
        fn blocks_move_between_threads_whole() {
            const OWNERS: [Owner; 2] = [Owner::Mimalloc, Owner::CLibrary];
            for size in [1_usize, 100, 5_000, 300_000] {
                for (first, second) in OWNERS.iter().flat_map(|&a| OWNERS.map(|b| (a, b))) {
                    let block = on_a_thread(first, move || filled(size) as usize);
                    assert_eq!(maker(block as _), first);
                    let block = on_a_thread(second, move || {
                        // SAFETY: a live block of `size` bytes, which is not used after it has moved.
                        unsafe {
                            let larger = reallocate(block as _, size * 3, ptr::null(), 0);
                            let smaller = reallocate(larger, size / 2 + 1, ptr::null(), 0);
                            let kept = borrowed(smaller.cast(), size / 2 + 1);
                            assert!(kept.iter().all(|&byte| byte == 7));
                            smaller as usize
                        }
                    });
                    // SAFETY: its last use.
                    on_a_thread(first, move || unsafe { free(block as _, ptr::null(), 0) });
                }
            }
        }

        /// Calls on a thread whose blocks are made so.
        fn on_a_thread<T: Send + 'static>(
            owner: Owner,
            act: impl FnOnce() -> T + Send + 'static,
        ) -> T {
            let act = move || {
                OWNER.set(owner);
                act()
            };
            thread::spawn(act).join().unwrap()
        }
    }
}
