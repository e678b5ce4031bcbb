use apideck_hooks::on;

#[on("vault.connection.callable")]
mod handlers {
    pub fn start() {}
}

fn main() {
    handlers::start();
}
