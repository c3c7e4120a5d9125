//! Where a layer's octets go.

use std::io::Write;

use crate::SecureError;

/// Takes octets, in any portions.
pub(crate) trait Sink {
    /// Takes the next octets.
    fn put(&mut self, octets: &[u8]) -> Result<(), SecureError>;

    /// There are no more: whatever is held back or stands at the end is written, here and behind.
    fn finish(&mut self) -> Result<(), SecureError>;
}

impl<S: Sink + ?Sized> Sink for &mut S {
    fn put(&mut self, octets: &[u8]) -> Result<(), SecureError> {
        (**self).put(octets)
    }

    fn finish(&mut self) -> Result<(), SecureError> {
        (**self).finish()
    }
}

impl<S: Sink + ?Sized> Sink for Box<S> {
    fn put(&mut self, octets: &[u8]) -> Result<(), SecureError> {
        (**self).put(octets)
    }

    fn finish(&mut self) -> Result<(), SecureError> {
        (**self).finish()
    }
}

/// For what is small.
impl Sink for Vec<u8> {
    fn put(&mut self, octets: &[u8]) -> Result<(), SecureError> {
        self.extend_from_slice(octets);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SecureError> {
        Ok(())
    }
}

/// Octets gathered before they are written: a file takes large portions better.
const GATHERED: usize = 128 * 1024;

/// The end of all layers: a file.
pub(crate) struct Target<'a> {
    file: &'a mut (dyn Write + Send),
    gathered: Vec<u8>,
    /// Octets it was given.
    octets: &'a mut u64,
}

impl<'a> Target<'a> {
    pub(crate) fn new(file: &'a mut (dyn Write + Send), octets: &'a mut u64) -> Self {
        Self {
            file,
            gathered: Vec::with_capacity(GATHERED),
            octets,
        }
    }

    fn write_gathered(&mut self) -> Result<(), SecureError> {
        self.file
            .write_all(&self.gathered)
            .map_err(SecureError::Write)?;
        self.gathered.clear();
        Ok(())
    }
}

impl Sink for Target<'_> {
    fn put(&mut self, octets: &[u8]) -> Result<(), SecureError> {
        *self.octets += octets.len() as u64;
        if self.gathered.len() + octets.len() > GATHERED {
            self.write_gathered()?;
        }
        if octets.len() >= GATHERED {
            return self.file.write_all(octets).map_err(SecureError::Write);
        }
        self.gathered.extend_from_slice(octets);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SecureError> {
        self.write_gathered()?;
        self.file.flush().map_err(SecureError::Write)
    }
}
