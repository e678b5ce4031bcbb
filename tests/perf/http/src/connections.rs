//! Keep-alive connections of one thread, each with at most one request in flight.

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// Longer than the response of any receiver.
const LARGEST: usize = 4096;

pub(crate) struct Connections {
    epoll: OwnedFd,
    ready: Vec<Event>,
    all: Vec<Connection>,
}

struct Connection {
    stream: TcpStream,
    response: Box<[u8; LARGEST]>,
    filled: usize,
}

impl Connections {
    pub(crate) fn open(address: SocketAddr, count: usize) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let mut all = Vec::with_capacity(count);
        for at in 0..count {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            // Edge-triggered, because nothing is left to read after a response.
            epoll::add(
                &epoll,
                &stream,
                EventData::new_u64(at as u64),
                EventFlags::IN | EventFlags::ET,
            )?;
            all.push(Connection {
                stream,
                response: Box::new([0; LARGEST]),
                filled: 0,
            });
        }
        Ok(Self {
            epoll,
            ready: Vec::with_capacity(count.max(1)),
            all,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Sends a request on a connection without one in flight.
    pub(crate) fn send(&mut self, connection: usize, request: &[u8]) -> io::Result<()> {
        // One small request always fits into an empty socket.
        let sent = self.all[connection].stream.write(request)?;
        if sent < request.len() {
            return Err(io::Error::other("the socket took only a part of a request"));
        }
        Ok(())
    }

    /// Waits for responses, at most for `limit`. Calls `received` for each, with its connection,
    /// status and body.
    pub(crate) fn wait(
        &mut self,
        limit: Option<Duration>,
        mut received: impl FnMut(usize, u16, &[u8]),
    ) -> io::Result<()> {
        let limit = limit.map(|limit| Timespec {
            tv_sec: limit.as_secs() as i64,
            tv_nsec: i64::from(limit.subsec_nanos()),
        });
        self.ready.clear();
        match epoll::wait(
            &self.epoll,
            rustix::buffer::spare_capacity(&mut self.ready),
            limit.as_ref(),
        ) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        for event in &self.ready {
            let at = event.data.u64() as usize;
            if let Some((status, body)) = self.all[at].read()? {
                received(at, status, body);
            }
        }
        Ok(())
    }
}

impl Connection {
    /// Reads a response. Returns `None` until all of it is there.
    fn read(&mut self) -> io::Result<Option<(u16, &[u8])>> {
        loop {
            let room = &mut self.response[self.filled..];
            if room.is_empty() {
                return Err(io::Error::other("the response is too long"));
            }
            match self.stream.read(room) {
                Ok(0) => {
                    return Err(io::Error::new(
                        ErrorKind::UnexpectedEof,
                        "the server closed a connection",
                    ));
                }
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            if let Some(whole) = whole(&self.response[..self.filled])? {
                self.filled = 0;
                return Ok(Some((whole.status, &self.response[whole.body])));
            }
        }
    }
}

struct Whole {
    status: u16,
    body: std::ops::Range<usize>,
}

/// Parses a response. Returns `None` if its end is missing.
fn whole(bytes: &[u8]) -> io::Result<Option<Whole>> {
    let odd = || io::Error::new(ErrorKind::InvalidData, "not a response of HTTP/1.1");
    let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let status = bytes
        .get(9..12)
        .and_then(|digits| std::str::from_utf8(digits).ok());
    let status = status.and_then(|digits| digits.parse().ok()).ok_or_else(odd)?;
    let mut length = None;
    let mut chunked = false;
    for line in bytes[..head].split(|&byte| byte == b'\n').skip(1) {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else {
            return Err(odd());
        };
        let (name, value) = line.split_at(colon);
        if name.eq_ignore_ascii_case(b"content-length") {
            let value = std::str::from_utf8(&value[1..]).map_err(|_| odd())?;
            length = Some(value.trim().parse::<usize>().map_err(|_| odd())?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            chunked = true;
        }
    }
    let start = head + 4;
    let end = match length {
        Some(length) => start + length,
        // In a small response in chunks only the end matters.
        None if chunked => match bytes.ends_with(b"0\r\n\r\n") {
            true => bytes.len(),
            false => return Ok(None),
        },
        None => return Err(odd()),
    };
    match bytes.len() {
        length if length < end => Ok(None),
        length if length == end => Ok(Some(Whole {
            status,
            body: start..end,
        })),
        _ => Err(io::Error::other("more than one response to a request")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(u16, &str)> {
        let whole = whole(text.as_bytes()).unwrap()?;
        Some((whole.status, &text[whole.body]))
    }

    #[test]
    fn a_response_is_read_to_its_end() {
        let response = "HTTP/1.1 200 OK\r\ndate: now\r\nContent-Length: 4\r\n\r\nbody";
        for length in 0..response.len() {
            assert_eq!(read(&response[..length]), None);
        }
        assert_eq!(read(response), Some((200, "body")));
        assert!(whole(format!("{response}!").as_bytes()).is_err());
    }

    #[test]
    fn chunks_are_waited_for() {
        let response = "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nok\n\r\n0\r\n\r\n";
        assert_eq!(read(&response[..response.len() - 1]), None);
        assert_eq!(read(response).unwrap().0, 404);
    }

    #[test]
    fn nonsense_is_an_error() {
        for text in [
            "HTTP/1.1 abc\r\n\r\n",
            "HTTP/1.1 200 OK\r\nx: y\r\n\r\n",
            "HTTP/1.1 200 OK\r\nxy\r\n\r\n",
        ] {
            assert!(whole(text.as_bytes()).is_err(), "{text}");
        }
    }
}
