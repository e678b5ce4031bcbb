use apideck_hooks::{Hooks, events::ConnectionCallable, on, router};

#[on("vault.connection.callable")]
async fn handler(_event: ConnectionCallable) -> Result<String, std::io::Error> {
    Ok(String::new())
}

fn main() {
    let _ = Hooks::builder(router![handler, ..]).secret("key").build();
}
