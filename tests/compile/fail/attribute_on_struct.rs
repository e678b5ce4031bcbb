use apideck_hooks::on;

#[on("vault.connection.callable")]
struct Handler;

fn main() {
    let _ = Handler;
}
