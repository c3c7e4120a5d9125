import java.io.*;
import java.nio.file.*;
import java.security.*;
import java.security.cert.*;
import java.security.spec.*;
import java.util.*;
import javax.crypto.spec.*;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.cert.jcajce.*;
import org.bouncycastle.cms.*;
import org.bouncycastle.cms.jcajce.*;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.jcajce.*;

/**
 * Secures files as a partner whose product is built on BouncyCastle does.
 *
 * Reads us.cer, partner.cer, partner.p8 and content-SIZE in the folder it is given; writes files there,
 * and a line for each: its name, layers from the outside (e, c, s), suite, size of the content.
 */
public class Bouncy {
    static Path folder;
    static X509Certificate us, partner;
    static PrivateKey key;
    static final String[] DIGESTS = {
        null, "SHA1", "SHA1", "SHA256", "SHA256", "SHA512", "SHA512", "SHA3-512", "SHA256", "SHA512", "SHA3-512"
    };
    static final String[] HASHES = {
        null, "SHA-1", "SHA-1", "SHA-256", "SHA-256", "SHA-512", "SHA-512", "SHA3-512", "SHA-256", "SHA-512", "SHA3-512"
    };

    public static void main(String[] arguments) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        folder = Path.of(arguments[0]);
        us = certificate("us.cer");
        partner = certificate("partner.cer");
        byte[] pkcs8 = Files.readAllBytes(folder.resolve("partner.p8"));
        key = KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
        for (int size : new int[] {0, 1, 15, 16, 17, 1000, 70000}) {
            byte[] content = Files.readAllBytes(folder.resolve("content-" + size));
            for (int suite = 1; suite <= 10; suite++) {
                for (String layers : new String[] {"s", "c", "e", "cs", "es", "ec", "ecs"}) {
                    // Streamed, in pieces of different sizes: a single octet each only for what is small.
                    for (int piece : new int[] {0, 1, 7, 1000}) {
                        if (piece == 1 && size > 1000 || piece == 7 && suite > 4) {
                            continue;
                        }
                        byte[] made = piece == 0 ? whole(content, layers, suite) : stream(content, layers, suite, piece);
                        put(made, layers, suite, size, piece);
                    }
                }
            }
        }
    }

    static void put(byte[] made, String layers, int suite, int size, int piece) throws IOException {
        String name = "bouncy-" + layers + "-" + suite + "-" + size + "-" + piece;
        Files.write(folder.resolve(name), made);
        System.out.println(name + " " + layers + " " + suite + " " + size);
    }

    /** In memory, one object around the other. */
    static byte[] whole(byte[] content, String layers, int suite) throws Exception {
        byte[] made = content;
        if (layers.contains("s")) {
            CMSSignedDataGenerator generator = new CMSSignedDataGenerator();
            generator.addSignerInfoGenerator(signer(suite, false));
            made = generator.generate(new CMSProcessableByteArray(made), true).getEncoded("DER");
        }
        if (layers.contains("c")) {
            made = new CMSCompressedDataGenerator()
                .generate(new CMSProcessableByteArray(made), new ZlibCompressor()).getEncoded();
        }
        if (layers.contains("e")) {
            CMSEnvelopedDataGenerator generator = new CMSEnvelopedDataGenerator();
            generator.addRecipientInfoGenerator(recipient(suite));
            made = generator.generate(new CMSProcessableByteArray(made), encryptor(suite)).getEncoded();
        }
        return made;
    }

    /** One stream in the other. The signature has no attributes here, but has its certificate. */
    static byte[] stream(byte[] content, String layers, int suite, int piece) throws Exception {
        ByteArrayOutputStream made = new ByteArrayOutputStream();
        Deque<OutputStream> open = new ArrayDeque<>();
        open.push(made);
        if (layers.contains("e")) {
            CMSEnvelopedDataStreamGenerator generator = new CMSEnvelopedDataStreamGenerator();
            generator.setBufferSize(piece);
            generator.setBEREncodeRecipients(true);
            generator.addRecipientInfoGenerator(recipient(suite));
            open.push(generator.open(open.peek(), encryptor(suite)));
        }
        if (layers.contains("c")) {
            CMSCompressedDataStreamGenerator generator = new CMSCompressedDataStreamGenerator();
            generator.setBufferSize(piece);
            open.push(generator.open(open.peek(), new ZlibCompressor()));
        }
        if (layers.contains("s")) {
            CMSSignedDataStreamGenerator generator = new CMSSignedDataStreamGenerator();
            generator.setBufferSize(piece);
            generator.addSignerInfoGenerator(signer(suite, true));
            generator.addCertificates(new JcaCertStore(List.of(partner)));
            open.push(generator.open(open.peek(), true));
        }
        open.peek().write(content);
        while (!open.isEmpty()) {
            open.pop().close();
        }
        return made.toByteArray();
    }

    static SignerInfoGenerator signer(int suite, boolean direct) throws Exception {
        String algorithm = DIGESTS[suite] + "withRSA" + (suite < 8 ? "" : "andMGF1");
        return new JcaSimpleSignerInfoGeneratorBuilder().setProvider("BC").setDirectSignature(direct)
            .build(algorithm, key, partner);
    }

    static JceKeyTransRecipientInfoGenerator recipient(int suite) throws Exception {
        if (suite < 8) {
            return new JceKeyTransRecipientInfoGenerator(us).setProvider("BC");
        }
        // Suite 8 as Java programs without parameters of their own do it: masks made with SHA-1.
        String mask = suite == 8 ? "SHA-1" : HASHES[suite];
        OAEPParameterSpec parameters = new OAEPParameterSpec(
            HASHES[suite], "MGF1", new MGF1ParameterSpec(mask), PSource.PSpecified.DEFAULT);
        return new JceKeyTransRecipientInfoGenerator(us, new JcaAlgorithmParametersConverter()
            .getAlgorithmIdentifier(PKCSObjectIdentifiers.id_RSAES_OAEP, parameters)).setProvider("BC");
    }

    static org.bouncycastle.operator.OutputEncryptor encryptor(int suite) throws Exception {
        ASN1ObjectIdentifier cipher =
            suite == 1 || suite == 3 || suite == 5 ? CMSAlgorithm.DES_EDE3_CBC : CMSAlgorithm.AES256_CBC;
        return new JceCMSContentEncryptorBuilder(cipher).setProvider("BC").build();
    }

    static X509Certificate certificate(String name) throws Exception {
        try (InputStream octets = Files.newInputStream(folder.resolve(name))) {
            return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(octets);
        }
    }
}
